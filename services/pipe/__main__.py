from services.pipe.service import main

main()
