"""``python -m services.admin.malle``: the command line, its modules at hand."""

from services.kernel.runtime import bundle

if __name__ == "__main__":
    bundle.use()
    from services.admin.cli import main

    main()
