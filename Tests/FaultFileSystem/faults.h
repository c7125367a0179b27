// The faults that are switched on, and what was asked for so far: the part that knows nothing of FUSE.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

enum operation { GETATTR, READDIR, READLINK, OPEN, READ, STATFS, OPERATIONS };

extern const char *const operation_names[OPERATIONS];

class faults {
public:
    /// Takes one line of the control protocol (see main.cpp) and gives the answer, without the line's end.
    std::string command(const std::string &line);

    /// Counts an operation and lets it suffer what is switched on for it: waits, fails.
    ///
    /// Gives 0, or a negative errno that the operation shall end with. `is_interrupted` says whether the caller has
    /// been told to stop.
    int begin(operation op, const char *path, bool (*is_interrupted)());

    /// How many bytes a read that could have `size` may give.
    size_t allowed(const char *path, size_t size);

    void count_bytes(const char *path, size_t size);

    /// Whether the share pretends to be an empty directory.
    bool is_empty();

private:
    struct counts {
        uint64_t opens = 0, reads = 0, bytes = 0;
    };
    static constexpr unsigned all = (1u << OPERATIONS) - 1;

    std::mutex mutex;
    std::condition_variable changed;

    // What is switched on; a mask has one bit for each operation.
    unsigned delay_mask = 0, hang_mask = 0, error_mask = 0;
    int64_t delay_ms = 0;
    bool hang_ends_with_a_signal = false;
    int error = 0;
    size_t missing_bytes = 0;
    bool empty = false;
    uint64_t every = 1, matching = 0, matching_reads = 0;
    std::string prefix;

    // What was asked for.
    uint64_t operations[OPERATIONS] = {};
    uint64_t bytes = 0, faulty = 0, waiting = 0;
    std::map<std::string, counts> paths;

    bool is_below_prefix(const std::string &path) const;
    void clear();
    std::string statistics() const;
};
