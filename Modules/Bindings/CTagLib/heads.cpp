// Where the headers end in formats whose audio is not in one piece. Every length is checked; loops are bounded.
#include "report.h"

#include <algorithm>
#include <cstring>

namespace ctaglib {
namespace {

// A picture of FLAC may take 16 MiB, a third more in base64.
constexpr int64_t head_limit = 24 << 20;

uint64_t little64(const uint8_t *p) {
    uint64_t value = 0;
    for (size_t byte = 8; byte-- > 0;)
        value = value << 8 | p[byte];
    return value;
}

// RFC 3533, section 6. Header packets end on pages with the position 0 and a page on which no packet ends has -1, so
// the headers end with the last 0 before the first real position.
int64_t ogg_head_end(DescriptorStream &stream) {
    constexpr size_t fixed_size = 27;
    int64_t offset = 0, end = 0;
    uint8_t header[fixed_size], segments[255];
    while (offset < head_limit && stream.read_all(offset, header, fixed_size) && memcmp(header, "OggS", 4) == 0) {
        auto position = int64_t(little64(header + 6));
        if (position > 0)
            return end;
        size_t count = header[26];
        if (count > 0 && !stream.read_all(offset + int64_t(fixed_size), segments, count))
            break;
        offset += int64_t(fixed_size + count);
        for (size_t i = 0; i < count; i++)
            offset += segments[i];
        if (position == 0)
            end = std::min(offset, stream.size());
    }
    return 0;
}

// Advanced Systems Format specification 01.20.06, section 3.1: an id and a size, which counts both.
int64_t asf_head_end(DescriptorStream &stream) {
    uint8_t header[24];
    if (!stream.read_all(0, header, sizeof header))
        return 0;
    return int64_t(std::min<uint64_t>(little64(header + 16), uint64_t(std::min(stream.size(), head_limit))));
}

}  // namespace

int64_t read_head_end(Format format, DescriptorStream &stream) {
    return format == Format::asf ? asf_head_end(stream) : ogg_head_end(stream);
}

}  // namespace ctaglib
