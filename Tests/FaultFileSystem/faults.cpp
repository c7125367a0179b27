#include "faults.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <sstream>

const char *const operation_names[OPERATIONS] = {"getattr", "readdir", "readlink", "open", "read", "statfs"};

static const std::map<std::string, int> error_numbers = {
    {"EIO", EIO},         {"ESTALE", ESTALE},       {"ENOTCONN", ENOTCONN},     {"EACCES", EACCES},
    {"ENOENT", ENOENT},   {"ETIMEDOUT", ETIMEDOUT}, {"EHOSTDOWN", EHOSTDOWN},   {"ENOTDIR", ENOTDIR},
    {"EAGAIN", EAGAIN},   {"EINTR", EINTR},         {"ECONNABORTED", ECONNABORTED}, {"EMFILE", EMFILE},
};

/// Takes the name of an operation from the front, if one is there; without one, all are meant.
static unsigned take_mask(std::istringstream &words, unsigned all) {
    auto position = words.tellg();
    std::string word;
    if (words >> word) {
        for (int op = 0; op < OPERATIONS; op++) {
            if (word == operation_names[op]) return 1u << op;
        }
    }
    words.clear();
    words.seekg(position);
    return all;
}

void faults::clear() {
    delay_mask = hang_mask = error_mask = 0;
    delay_ms = 0;
    hang_ends_with_a_signal = empty = false;
    missing_bytes = 0;
    every = 1;
    matching = matching_reads = 0;
    prefix.clear();
}

std::string faults::command(const std::string &line) {
    std::istringstream words(line);
    std::string name, word;
    words >> name;
    std::unique_lock<std::mutex> lock(mutex);
    bool is_right = true;
    if (name == "ok") {
        clear();
    } else if (name == "delay") {
        unsigned mask = take_mask(words, all);
        int64_t value = -1;
        is_right = (words >> value) && value >= 0;
        if (is_right) delay_ms = value, delay_mask = value > 0 ? mask : 0;
    } else if (name == "hang") {
        unsigned mask = take_mask(words, all);
        is_right = !(words >> word) || word == "interruptible";
        if (is_right) hang_mask = mask, hang_ends_with_a_signal = word == "interruptible";
    } else if (name == "error") {
        unsigned mask = take_mask(words, all);
        is_right = (words >> word) && error_numbers.count(word);
        if (is_right) error = error_numbers.at(word), error_mask = mask;
    } else if (name == "short") {
        size_t value = 0;
        is_right = bool(words >> value);
        if (is_right) missing_bytes = value;
    } else if (name == "empty") {
        empty = true;
    } else if (name == "every") {
        uint64_t value = 0;
        is_right = (words >> value) && value > 0;
        if (is_right) every = value, matching = matching_reads = 0;
    } else if (name == "prefix") {
        // The rest of the line, so that paths may hold spaces.
        std::getline(words >> std::ws, prefix);
    } else if (name == "stats") {
        return statistics();
    } else if (name == "reset") {
        for (auto &count : operations) count = 0;
        bytes = faulty = 0;
        paths.clear();
    } else {
        is_right = false;
    }
    if (!is_right) return "wrong: " + line;
    changed.notify_all();
    return "done";
}

bool faults::is_below_prefix(const std::string &path) const {
    if (prefix.empty() || prefix == "/") return true;
    return path.compare(0, prefix.size(), prefix) == 0 && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

int faults::begin(operation op, const char *path, bool (*is_interrupted)()) {
    std::unique_lock<std::mutex> lock(mutex);
    operations[op] += 1;
    if (op == OPEN) paths[path].opens += 1;
    if (op == READ) paths[path].reads += 1;
    const unsigned bit = 1u << op;
    if (((delay_mask | hang_mask | error_mask) & bit) && is_below_prefix(path)) {
        matching += 1;
        if (matching % every == 0) {
            faulty += 1;
            waiting += 1;
            bool ends_with_a_signal = false;
            auto due = std::chrono::steady_clock::now() + std::chrono::milliseconds(delay_mask & bit ? delay_ms : 0);
            // Switching the fault off ends the waits; another fault may then be on.
            while (!ends_with_a_signal) {
                bool hangs = (hang_mask & bit) && is_below_prefix(path);
                if (hangs) {
                    // Nothing tells of an interruption, so it is looked for.
                    changed.wait_for(lock, std::chrono::milliseconds(hang_ends_with_a_signal ? 20 : 10'000));
                    ends_with_a_signal = hang_ends_with_a_signal && is_interrupted();
                } else if ((delay_mask & bit) && std::chrono::steady_clock::now() < due) {
                    changed.wait_until(lock, due);
                } else {
                    break;
                }
            }
            waiting -= 1;
            if (ends_with_a_signal) return -EINTR;
            if (error_mask & bit) return -error;
        }
    }
    return empty && std::string(path) != "/" ? -ENOENT : 0;
}

size_t faults::allowed(const char *path, size_t size) {
    std::lock_guard<std::mutex> lock(mutex);
    if (missing_bytes == 0 || !is_below_prefix(path)) return size;
    matching_reads += 1;
    if (matching_reads % every != 0) return size;
    faulty += 1;
    return size > missing_bytes ? size - missing_bytes : 0;
}

void faults::count_bytes(const char *path, size_t size) {
    std::lock_guard<std::mutex> lock(mutex);
    bytes += size;
    paths[path].bytes += size;
}

bool faults::is_empty() {
    std::lock_guard<std::mutex> lock(mutex);
    return empty;
}

static std::string quoted(const std::string &text) {
    std::string result = "\"";
    for (unsigned char byte : text) {
        char escape[8];
        if (byte == '"' || byte == '\\') {
            result += '\\';
            result += char(byte);
        } else if (byte < 0x20) {
            std::snprintf(escape, sizeof escape, "\\u%04x", byte);
            result += escape;
        } else {
            result += char(byte);
        }
    }
    return result + "\"";
}

std::string faults::statistics() const {
    std::ostringstream json;
    json << "{\"operations\":{";
    for (int op = 0; op < OPERATIONS; op++) {
        json << (op ? "," : "") << '"' << operation_names[op] << "\":" << operations[op];
    }
    json << "},\"bytes\":" << bytes << ",\"faulty\":" << faulty << ",\"waiting\":" << waiting << ",\"paths\":{";
    bool is_first = true;
    for (const auto &[path, count] : paths) {
        json << (is_first ? "" : ",") << quoted(path) << ":{\"opens\":" << count.opens << ",\"reads\":" << count.reads
             << ",\"bytes\":" << count.bytes << '}';
        is_first = false;
    }
    json << "}}";
    return json.str();
}
