#!/bin/sh
# Users, groups and the empty volumes of every image. A named volume takes owner and mode from the image that first mounts it, so all
# images carry the same skeleton and nothing changes owners at start.
set -eu

# name:id of the groups that guard a shared volume, and who is in them
cat >>/etc/group <<END
qdrop:x:5101:smtpd,submission,qmgr,relay
queue:x:5102:qmgr,relay
vmail:x:5103:mda,imapd,pop3d
events:x:5104:admin
directory:x:5105:smtpd,submission,qmgr,mda,imapd,pop3d,admin
control:x:5106:admin,qmgr
tls:x:5107:smtpd,submission,imapd,pop3d
END

id=5001
for user in smtpd qmgr relay mda imapd pop3d admin; do
    echo "$user:x:$id:" >>/etc/group
    echo "$user:x:$id:$id::/nonexistent:/usr/sbin/nologin" >>/etc/passwd
    id=$((id + 1))
done
# the same program as smtpd under a user of its own: what one may read of the other's is nothing
echo "submission:x:5011:" >>/etc/group
echo "submission:x:5011:5011::/nonexistent:/usr/sbin/nologin" >>/etc/passwd

volume() { install -d -m "$1" -o "${2%:*}" -g "${2#*:}" "$3"; }

# smtpd may add to incoming (w, x) and not list it (r); sticky: only qmgr and who wrote a file may take it away.
# Setgid: what is made in a directory belongs to the directory's group.
volume 2755 qmgr:qdrop /queue
volume 3730 qmgr:qdrop /queue/incoming
for state in active deferred hold corrupt history; do
    volume 2750 qmgr:queue /queue/$state
done
volume 2770 mda:vmail /mail
volume 2750 admin:directory /directory
# each service appends to a file of its own, which the group lets admin read
volume 3777 root:events /events
# anyone may read the CA and the certificate; the key is for its group alone
volume 2755 admin:tls /certs
volume 2770 qmgr:control /run/malleposte
