from services.managesieve.service import main

main()
