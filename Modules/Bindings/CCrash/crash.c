#define _GNU_SOURCE 1
#include "ccrash.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { max_modules = 64, max_frames = 64, stack_bytes = 64 << 10 };

// Everything that a handler needs is laid down here before the first signal can come.
static struct {
    char program[32];
    char directory[3072];
    // Where the code of each loaded object lies: a frame is only of use together with its file and offset.
    struct {
        uintptr_t base, start, end;
        char name[48];
    } modules[max_modules];
    int module_count;
    atomic_int is_reporting;
} state;

static const int crash_signals[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGFPE};

static __thread volatile uint32_t *mark;

void ccrash_set_mark(uint32_t *word) { mark = word; }

// A line that is put together without memory of its own.
struct line {
    char text[8192];
    size_t length;
};

static void add(struct line *line, const char *text) {
    while (*text && line->length < sizeof line->text - 1) line->text[line->length++] = *text++;
}

static void add_number(struct line *line, uint64_t value, unsigned base) {
    char digits[24];
    int count = 0;
    do digits[count++] = "0123456789abcdef"[value % base];
    while ((value /= base) && count < 20);
    while (count && line->length < sizeof line->text - 1) line->text[line->length++] = digits[--count];
}

// Names of threads and files are ours; what could end the text is left out all the same.
static void add_name(struct line *line, const char *name) {
    for (; *name; name++) {
        char one[2] = {*name, 0};
        if (*name >= ' ' && *name != '"' && *name != '\\' && *name < 0x7f) add(line, one);
    }
}

static void add_frame(struct line *line, uintptr_t address) {
    add(line, "\"");
    int found = 0;
    for (int i = 0; i < state.module_count && !found; i++) {
        if (address < state.modules[i].start || address >= state.modules[i].end) continue;
        add_name(line, state.modules[i].name);
        add(line, "+0x");
        add_number(line, address - state.modules[i].base, 16);
        found = 1;
    }
    if (!found) {
        add(line, "0x");
        add_number(line, address, 16);
    }
    add(line, "\"");
}

static void add_thread(struct line *line) {
    char name[17] = {0};
    prctl(PR_GET_NAME, name);
    add(line, "\"thread\":\"");
    add_name(line, name);
    add(line, "\",\"tid\":");
    add_number(line, (uint64_t)syscall(SYS_gettid), 10);
}

static void add_frames(struct line *line, void *context) {
    void *frames[max_frames];
    int count = backtrace(frames, max_frames);
    uintptr_t program_counter = 0;
#if defined(__x86_64__)
    program_counter = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    program_counter = (uintptr_t)((ucontext_t *)context)->uc_mcontext.pc;
#endif
    // What lies above the place of the signal is the handler itself.
    int first = 0;
    for (int i = 0; i < count; i++)
        if ((uintptr_t)frames[i] == program_counter) first = i;
    add(line, ",\"frames\":[");
    if (first == 0 && program_counter) {
        add_frame(line, program_counter);
        if (count) add(line, ",");
    }
    for (int i = first; i < count; i++) {
        // Room for the end of the line.
        if (line->length > sizeof line->text - 128) break;
        if (i > first) add(line, ",");
        add_frame(line, (uintptr_t)frames[i]);
    }
    add(line, "]");
}

static void put(int file, const struct line *line) {
    size_t sent = 0;
    while (sent < line->length) {
        ssize_t count = write(file, line->text + sent, line->length - sent);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return;
        sent += (size_t)count;
    }
}

static const char *signal_name(int signal) {
    switch (signal) {
    case SIGILL: return "SIGILL";
    case SIGTRAP: return "SIGTRAP";
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGABRT: return "SIGABRT";
    case SIGFPE: return "SIGFPE";
    default: return "?";
    }
}

static void save(const struct line *line, int64_t seconds) {
    // By the same means as the line: snprintf(3) may take a lock.
    static struct line path;
    path.length = 0;
    add(&path, state.directory);
    add(&path, "/crash-");
    add_number(&path, (uint64_t)seconds, 10);
    add(&path, "-");
    add_number(&path, (uint64_t)getpid(), 10);
    add(&path, ".json");
    path.text[path.length] = 0;
    int file = open(path.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return;
    put(file, line);
    close(file);
}

static void report(int signal, siginfo_t *information, void *context) {
    int number = signal;
    int saved = errno;
    if (mark) *mark = 1;
    // A second thread that crashes meanwhile waits for the first to end the process.
    if (atomic_fetch_add(&state.is_reporting, 1) == 0) {
        static struct line line;
        struct timespec now = {0};
        clock_gettime(CLOCK_REALTIME, &now);
        add(&line, "{\"crash\":\"");
        add(&line, state.program);
        add(&line, "\",\"time\":");
        add_number(&line, (uint64_t)now.tv_sec, 10);
        add(&line, ",\"pid\":");
        add_number(&line, (uint64_t)getpid(), 10);
        add(&line, ",\"signal\":\"");
        add(&line, signal_name(number));
        add(&line, "\",\"address\":\"0x");
        // Sent by a process, it has no address.
        add_number(&line, information->si_code > 0 ? (uint64_t)(uintptr_t)information->si_addr : 0, 16);
        add(&line, "\",");
        add_thread(&line);
        add_frames(&line, context);
        add(&line, "}\n");
        put(STDERR_FILENO, &line);
        save(&line, now.tv_sec);
    } else {
        struct timespec second = {1, 0};
        nanosleep(&second, NULL);
    }
    errno = saved;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    sigaction(number, &action, NULL);
    raise(number);
}

int ccrash_stacks_signal(void) { return SIGRTMIN + 4; }
static int thread_signal(void) { return SIGRTMIN + 5; }

static void report_thread(int signal, siginfo_t *information, void *context) {
    (void)signal;
    (void)information;
    int saved = errno;
    if (mark) *mark = 1;
    // On this thread's own stack, which is why it is small.
    struct line line;
    line.length = 0;
    add(&line, "{\"stack\":\"");
    add(&line, state.program);
    add(&line, "\",\"pid\":");
    add_number(&line, (uint64_t)getpid(), 10);
    add(&line, ",");
    add_thread(&line);
    add_frames(&line, context);
    add(&line, "}\n");
    put(STDERR_FILENO, &line);
    errno = saved;
}

struct directory_entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

// Asks each thread for its line.
static void report_threads(int signal, siginfo_t *information, void *context) {
    (void)signal;
    (void)information;
    (void)context;
    int saved = errno;
    int directory = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        static char buffer[8192] __attribute__((aligned(8)));
        long count;
        while ((count = syscall(SYS_getdents64, directory, buffer, sizeof buffer)) > 0) {
            for (long at = 0; at < count;) {
                const struct directory_entry *entry = (const void *)(buffer + at);
                int thread = 0;
                for (const char *digit = entry->name; *digit >= '0' && *digit <= '9'; digit++)
                    thread = thread * 10 + (*digit - '0');
                if (thread > 0) syscall(SYS_tgkill, getpid(), thread, thread_signal());
                at += entry->length;
            }
        }
        close(directory);
    }
    errno = saved;
}

static int note_module(struct dl_phdr_info *information, size_t size, void *data) {
    (void)size;
    (void)data;
    if (state.module_count >= max_modules) return 1;
    for (int i = 0; i < information->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &information->dlpi_phdr[i];
        if (header->p_type != PT_LOAD || !(header->p_flags & PF_X)) continue;
        const char *name = information->dlpi_name;
        const char *slash = name ? strrchr(name, '/') : NULL;
        if (slash) name = slash + 1;
        if (!name || !*name) name = state.program;
        int index = state.module_count++;
        state.modules[index].base = information->dlpi_addr;
        state.modules[index].start = information->dlpi_addr + header->p_vaddr;
        state.modules[index].end = state.modules[index].start + header->p_memsz;
        strncpy(state.modules[index].name, name, sizeof state.modules[index].name - 1);
        return 0;
    }
    return 0;
}

static int handle(int signal, void (*handler)(int, siginfo_t *, void *), int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | flags;
    sigemptyset(&action.sa_mask);
    return sigaction(signal, &action, NULL);
}

int ccrash_install(const char *program, const char *directory) {
    if (strlen(directory) >= sizeof state.directory) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strncpy(state.program, program, sizeof state.program - 1);
    strcpy(state.directory, directory);
    state.module_count = 0;
    dl_iterate_phdr(note_module, NULL);
    // The first call loads the unwinder, which allocates.
    void *frames[2];
    backtrace(frames, 2);
    ccrash_enter_thread();
    for (size_t i = 0; i < sizeof crash_signals / sizeof *crash_signals; i++)
        // Not deferred, so that raising it again ends the process within the handler.
        if (handle(crash_signals[i], report, SA_NODEFER) != 0) return -1;
    if (handle(thread_signal(), report_thread, SA_RESTART) != 0) return -1;
    return handle(ccrash_stacks_signal(), report_threads, SA_RESTART);
}

void ccrash_enter_thread(void) {
    stack_t old;
    if (sigaltstack(NULL, &old) == 0 && !(old.ss_flags & SS_DISABLE)) return;
    void *memory = mmap(NULL, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return;
    stack_t stack = {.ss_sp = memory, .ss_size = stack_bytes};
    if (sigaltstack(&stack, NULL) != 0) munmap(memory, stack_bytes);
}

void ccrash_leave_thread(void) {
    stack_t old;
    if (sigaltstack(NULL, &old) != 0 || old.ss_flags & SS_DISABLE || old.ss_size != stack_bytes) return;
    stack_t none = {.ss_flags = SS_DISABLE};
    if (sigaltstack(&none, NULL) == 0) munmap(old.ss_sp, stack_bytes);
}
