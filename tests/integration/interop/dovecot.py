"""A Dovecot beside the site."""

import secrets

from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD

PORT = 2143
"""Where it listens in the container of the clients: IMAP in clear text, for any user with ``PASSWORD``."""
CONFIG = """
dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
protocols = imap
base_dir = {home}/run
log_path = {home}/log
ssl = no
auth_allow_cleartext = yes
auth_username_format = %{{user}}
first_valid_uid = 8
mail_driver = maildir
mail_path = ~/Maildir
service imap-login {{
  inet_listener imap {{
    port = {port}
    listen = 127.0.0.1
  }}
}}
passdb static {{
  password = {password}
}}
userdb static {{
  fields {{
    uid = 8
    gid = 8
    home = {home}/%{{user}}
  }}
}}
"""


class Dovecot:
    """A Dovecot in the container of the clients, with its files in a folder of its own."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.home = f"/tmp/dovecot-{secrets.token_hex(3)}"
        self.write("dovecot.conf", CONFIG.format(home=self.home, port=PORT, password=PASSWORD))
        self.run("install -d -o mail -g mail $home/mirror && chown mail: $home && dovecot -c $home/dovecot.conf")

    def stop(self) -> None:
        """Stop it and remove its files."""
        self.run("doveadm -c $home/dovecot.conf stop; rm -r $home")

    def run(self, script: str, user: str = "", stdin: bytes | None = None) -> str:
        """Run a script of sh with ``$home`` and ``$user``."""
        return self._site.project.check("client", "env", f"home={self.home}", f"user={user}", "sh", "-euc", script, stdin=stdin)

    def write(self, name: str, content: str) -> None:
        """Write a file into its folder."""
        self.run(f"mkdir -p $home && umask 077 && cat > $home/{name}", stdin=content.encode())

    def maildir(self, user: str) -> bytes:
        """A user's Maildir as a tar archive."""
        return self._site.project.execute("client", "tar", "-C", f"{self.home}/{user}", "-c", "Maildir").out

    def listing(self, user: str) -> list[str]:
        """All messages with UIDs, flags, times and what folders are subscribed."""
        fields = "mailbox uid flags date.received hdr.message-id"
        told = self.run(f"cd $home; doveadm -f tab -c $home/dovecot.conf fetch -u $user '{fields}' all", user)
        return sorted(told.splitlines()) + sorted(self.run("doveadm -c $home/dovecot.conf mailbox list -s -u $user", user).splitlines())
