#!/bin/sh
# The first process of a test host: boot.sh DIRECTORY NAME, in new mount, UTS, IPC, PID and network namespaces.
# Lays the host's file system over the machine's read-only /usr, moves into it, and then only waits: when the
# test process ends, however it ends, standard input closes, this ends, and the kernel ends all else in here.
# What the host writes to /usr/lib stays in memory.
set -eu

read -r outer_pid _ </proc/self/stat # still the machine's /proc: the pid that the test process knows us by
directory=$1 name=$2
root=$directory/root

mount --bind "$root" "$root"
cd "$root"
mount --bind /usr usr
mount -o remount,bind,ro usr
mount --bind "$directory/usr-local" usr/local
mount -t tmpfs -o mode=0755 tmpfs run
mkdir run/lib run/work
mount -t overlay -o lowerdir=/usr/lib,upperdir=run/lib,workdir=run/work overlay usr/lib
umount -l run
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount -t tmpfs -o mode=0755 tmpfs run
mkdir -m 0755 run/lock run/sshd
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=0755 tmpfs dev
for device in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
    IFS=: read -r node major minor <<END
$device
END
    mknod -m 0666 "dev/$node" c "$major" "$minor"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr

pivot_root . mnt
cd /
umount -l /mnt
hostname "$name"
ip link set lo up

echo "$outer_pid"
exec env --ignore-signal=CHLD cat # ignored: the kernel then reaps whatever is orphaned here
