from services.kernel.runtime.entry import run

run("services.qmgr.service")
