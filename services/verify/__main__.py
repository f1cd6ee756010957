from services.verify.service import main

main()
