#pragma once
#include <microhttpd.h>

// MHD_start_daemon is variadic, which Swift cannot call.
static inline struct MHD_Daemon *cmicrohttpd_start(
    MHD_socket listen_socket, unsigned threads, unsigned connection_limit, unsigned timeout_seconds,
    size_t connection_memory, MHD_AccessHandlerCallback handle, MHD_RequestCompletedCallback completed,
    MHD_NotifyConnectionCallback connected, void *context) {
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, context,
        MHD_OPTION_LISTEN_SOCKET, listen_socket, MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_CONNECTION_LIMIT,
        connection_limit, MHD_OPTION_CONNECTION_TIMEOUT, timeout_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        connection_memory, MHD_OPTION_NOTIFY_COMPLETED, completed, context, MHD_OPTION_NOTIFY_CONNECTION, connected,
        context, MHD_OPTION_END);
}

// MHD_get_connection_info answers with a union whose shape Swift would have to assume.
static inline MHD_socket cmicrohttpd_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : MHD_INVALID_SOCKET;
}

// A macro with a cast.
static const uint64_t cmicrohttpd_size_unknown = MHD_SIZE_UNKNOWN;
