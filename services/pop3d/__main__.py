from services.pop3d.service import main

main()
