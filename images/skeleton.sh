#!/bin/sh
# Users, groups and the empty volumes of every image. A named volume takes owner and mode from the image that first mounts it, so all
# images carry the same skeleton and nothing changes owners at start.
set -eu

# name:id of the groups that guard a shared volume, and who is in them
cat >>/etc/group <<END
qdrop:x:5101:smtpd,submission,qmgr,relay,pipe,mda
queue:x:5102:qmgr,relay,pipe
vmail:x:5103:mda,imapd,pop3d,managesieve
events:x:5104:admin
directory:x:5105:smtpd,submission,qmgr,mda,imapd,pop3d,managesieve,admin,verify,backupmx
control:x:5106:admin,qmgr,backupmx
tls:x:5107:smtpd,submission,imapd,pop3d,managesieve
verdict:x:5108:smtpd,submission,verify
identity:x:5109:admin,relay,backupmx
mirror:x:5110:smtpd,backupmx
mailboxes:x:5111:admin,mda
room:x:5112:smtpd,submission
END

id=5001
for user in smtpd qmgr relay mda imapd pop3d admin verify backupmx pipe; do
    echo "$user:x:$id:" >>/etc/group
    echo "$user:x:$id:$id::/nonexistent:/usr/sbin/nologin" >>/etc/passwd
    id=$((id + 1))
done
# the same program as smtpd under a user of its own: what one may read of the other's is nothing
echo "submission:x:5011:" >>/etc/group
echo "submission:x:5011:5011::/nonexistent:/usr/sbin/nologin" >>/etc/passwd

echo "managesieve:x:5012:" >>/etc/group
echo "managesieve:x:5012:5012::/nonexistent:/usr/sbin/nologin" >>/etc/passwd

volume() { install -d -m "$1" -o "${2%:*}" -g "${2#*:}" "$3"; }

# smtpd and mda may add to incoming (w, x) and not list it (r); sticky: only qmgr and who wrote a file may take it away.
# Setgid: what is made in a directory belongs to the directory's group.
volume 2755 qmgr:qdrop /queue
volume 3730 qmgr:qdrop /queue/incoming
for state in active deferred hold corrupt history; do
    volume 2750 qmgr:queue /queue/$state
done
volume 2770 mda:vmail /mail
volume 2750 admin:directory /directory
# each service appends to a file of its own, which the group lets admin read; where commands run it lies behind a folder that they do not enter
volume 3777 root:events /events
volume 0750 root:queue /private
volume 3777 root:events /private/events
# anyone may read the CA and the certificate; the key is for its group alone
volume 2755 admin:tls /certs
volume 2770 qmgr:control /run/malleposte
# the socket by which qmgr has a command run: pipe makes it, and no command reaches it
volume 2770 root:queue /run/pipe
# what backupmx has of its primaries, for smtpd to read
volume 2750 backupmx:mirror /mirror
# which mailboxes have little room, for smtpd to read
volume 2750 mda:room /room
# the cache is verify's alone; its socket is for those who ask
volume 2700 verify:verify /verify
volume 2750 verify:verdict /run/verdict
# mda's socket for the operator
volume 2750 mda:mailboxes /run/mailboxes
