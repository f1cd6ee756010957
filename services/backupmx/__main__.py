from services.backupmx.service import main

main()
