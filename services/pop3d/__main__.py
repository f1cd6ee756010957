from services.kernel.runtime.entry import run

run("services.pop3d.service")
