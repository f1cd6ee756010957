from services.kernel.runtime.entry import run

run("services.admin.service")
