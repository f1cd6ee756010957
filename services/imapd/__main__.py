from services.kernel.runtime.entry import run

run("services.imapd.service")
