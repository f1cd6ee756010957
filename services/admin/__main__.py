from services.admin.service import main

main()
