from services.smtpd.service import main

main()
