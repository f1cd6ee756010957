from services.imapd.service import main

main()
