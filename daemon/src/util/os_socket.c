#define _GNU_SOURCE /* TCP_INFO */
#include "os_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

int os_socket_bytes_read(int fd, uint64_t *bytes)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    int queued = 0;
    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        ioctl(fd, FIONREAD, &queued) != 0) {
        return -errno;
    }
    const uint64_t kept = queued > 0 ? (uint64_t)queued : 0;
    *bytes = info.tcpi_bytes_received > kept ? info.tcpi_bytes_received - kept : 0;
    return 0;
}

void os_socket_end(int fd)
{
    (void)shutdown(fd, SHUT_RDWR);
}

void os_socket_peer(int fd, char address[OS_SOCKET_ADDRESS_MAX])
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    } peer;
    socklen_t size = sizeof peer;
    address[0] = '\0';
    if (getpeername(fd, &peer.any, &size) != 0) {
        return;
    }
    if (peer.any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &peer.v4.sin_addr, address, OS_SOCKET_ADDRESS_MAX);
    } else if (peer.any.sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &peer.v6.sin6_addr, address, OS_SOCKET_ADDRESS_MAX);
    }
}

int os_socket_allow(int most)
{
    struct rlimit limit;
    const rlim_t wanted = (rlim_t)most;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur < wanted ? (int)limit.rlim_cur : most;
}
