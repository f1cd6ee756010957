from services.qmgr.service import main

main()
