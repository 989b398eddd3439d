/*
 * Cuts the power of a mounted ext4: nothing that is not in its journal or on its blocks reaches the disk any more.
 * Use: ext4_shutdown MOUNTPOINT
 */
#include <fcntl.h>
#include <linux/types.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define EXT4_IOC_SHUTDOWN _IOR('X', 125, __u32)
#define EXT4_GOING_FLAGS_NOLOGFLUSH 2

int main(int count, char **arguments)
{
    __u32 flags = EXT4_GOING_FLAGS_NOLOGFLUSH;
    int fd = count == 2 ? open(arguments[1], O_RDONLY) : -1;
    if (fd < 0 || ioctl(fd, EXT4_IOC_SHUTDOWN, &flags) != 0) {
        perror("ext4_shutdown");
        return 1;
    }
    return 0;
}
