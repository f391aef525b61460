# The first program of the second machine: its network, its libvirt, and its door. Ends with the namespaces that it runs in.
ip link set lo up
mkdir -p /run/sshd /run/lock /run/libvirt /run/user/4321 /var/log/libvirt
chown 4321:4321 /run/user/4321
chmod 700 /run/user/4321
until ip link show eth0 >/dev/null 2>&1; do sleep 0.05; done
ip address add "$1" dev eth0
ip link set eth0 up
virtlogd --daemon
libvirtd --daemon --listen
until [ -S /run/libvirt/libvirt-sock ]; do sleep 0.05; done
touch /etc/ready
# The shell says when the server was killed, which is meant.
exec 2>/dev/null
while :; do
  # Nobody starts it while this file is there.
  [ -e /etc/no-ssh ] || /usr/sbin/sshd -D -f /etc/ssh/sshd_config -E /var/log/sshd.log
  sleep 0.1
done
