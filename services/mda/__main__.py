from services.mda.service import main

main()
