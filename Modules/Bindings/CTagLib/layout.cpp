// Where the audio lies in a file. Every length from the file is checked; loops are bounded by the file's size or a count.
#include "report.h"

#include <algorithm>
#include <cstring>

namespace ctaglib {
namespace {

constexpr int block_limit = 65536;

uint32_t big32(const uint8_t *p) { return uint32_t(p[0]) << 24 | uint32_t(p[1]) << 16 | uint32_t(p[2]) << 8 | p[3]; }
uint32_t little32(const uint8_t *p) { return uint32_t(p[3]) << 24 | uint32_t(p[2]) << 16 | uint32_t(p[1]) << 8 | p[0]; }
uint64_t big64(const uint8_t *p) { return uint64_t(big32(p)) << 32 | big32(p + 4); }
uint64_t little64(const uint8_t *p) { return uint64_t(little32(p + 4)) << 32 | little32(p); }

bool is(const uint8_t *bytes, const char *name) { return memcmp(bytes, name, strlen(name)) == 0; }

// Behind all ID3v2 tags at `offset` (id3.org/id3v2.4.0-structure, section 3.1).
int64_t skip_id3v2(DescriptorStream &stream, int64_t offset) {
    uint8_t header[10];
    for (int i = 0; i < 16 && stream.read_all(offset, header, sizeof header) && is(header, "ID3"); i++) {
        if ((header[6] | header[7] | header[8] | header[9]) & 0x80)
            break;
        int64_t size = int64_t(header[6]) << 21 | header[7] << 14 | header[8] << 7 | header[9];
        offset += 10 + size + (header[5] & 0x10 ? 10 : 0);
    }
    return offset;
}

int64_t before_id3v1(DescriptorStream &stream, int64_t end) {
    uint8_t mark[3];
    return end >= 128 && stream.read_all(end - 128, mark, 3) && is(mark, "TAG") ? end - 128 : end;
}

// Before ID3v1 and an APE tag in front of it (wiki.hydrogenaud.io, "APE Tags Header").
int64_t before_trailing_tags(DescriptorStream &stream) {
    int64_t end = before_id3v1(stream, stream.size());
    uint8_t footer[32];
    if (end < 32 || !stream.read_all(end - 32, footer, sizeof footer) || !is(footer, "APETAGEX"))
        return end;
    int64_t size = little32(footer + 12);
    bool has_header = little32(footer + 20) & 0x80000000u;
    int64_t start = end - size - (has_header ? 32 : 0);
    return size < 32 || start < 0 ? end : start;
}

void set_audio(ctaglib_layout &layout, int64_t start, int64_t end) {
    if (start < 0 || end < start || end > layout.file_size)
        return;
    layout.known = true;
    layout.audio_start = start;
    layout.audio_end = end;
}

void set_checksum(ctaglib_layout &layout, const uint8_t *bytes) {
    // All zero means that the encoder did not compute it.
    layout.has_checksum = std::any_of(bytes, bytes + 16, [](uint8_t byte) { return byte != 0; });
    if (layout.has_checksum)
        memcpy(layout.checksum, bytes, 16);
}

// RFC 9639, section 8.
void flac(ctaglib_layout &layout, DescriptorStream &stream) {
    int64_t offset = skip_id3v2(stream, 0);
    uint8_t bytes[34];
    if (!stream.read_all(offset, bytes, 4) || !is(bytes, "fLaC"))
        return;
    offset += 4;
    for (int i = 0; i < block_limit; i++) {
        if (!stream.read_all(offset, bytes, 4))
            return;
        bool last = bytes[0] & 0x80;
        int type = bytes[0] & 0x7f;
        int64_t size = int64_t(bytes[1]) << 16 | bytes[2] << 8 | bytes[3];
        if (type == 127)
            return;
        if (type == 0 && size >= 34 && stream.read_all(offset + 4, bytes, 34))
            set_checksum(layout, bytes + 18);
        offset += 4 + size;
        if (last)
            return set_audio(layout, offset, before_id3v1(stream, stream.size()));
    }
}

// ISO/IEC 14496-12, section 4.2. The largest `mdat` is the audio.
void mp4(ctaglib_layout &layout, DescriptorStream &stream) {
    int64_t offset = 0;
    uint8_t header[16];
    for (int i = 0; i < block_limit && stream.read_all(offset, header, 8); i++) {
        uint64_t size = big32(header);
        int64_t header_size = 8;
        if (size == 1) {
            if (!stream.read_all(offset, header, 16))
                return;
            size = big64(header + 8);
            header_size = 16;
        }
        uint64_t left = uint64_t(stream.size() - offset);
        if (size == 0)
            size = left;
        if (size < uint64_t(header_size))
            return;
        size = std::min(size, left);
        if (is(header + 4, "mdat")) {
            int64_t start = offset + header_size, end = offset + int64_t(size);
            if (!layout.known || end - start > layout.audio_end - layout.audio_start)
                set_audio(layout, start, end);
        }
        offset += int64_t(size);
    }
}

// RIFF, RF64 (EBU Tech 3306) and AIFF (AIFF-C 1991) chunks.
void chunks(ctaglib_layout &layout, DescriptorStream &stream, bool big) {
    uint8_t bytes[16];
    if (!stream.read_all(0, bytes, 12))
        return;
    bool has_long_sizes = is(bytes, "RF64");
    uint64_t long_size = 0;
    int64_t offset = 12;
    for (int i = 0; i < block_limit && stream.read_all(offset, bytes, 8); i++) {
        uint64_t size = big ? big32(bytes + 4) : little32(bytes + 4);
        int64_t start = offset + 8;
        bool is_audio = is(bytes, big ? "SSND" : "data");
        if (has_long_sizes && is(bytes, "ds64") && stream.read_all(start, bytes, 16))
            long_size = little64(bytes + 8);
        if (is_audio) {
            if (has_long_sizes && size == 0xffffffffu)
                size = long_size;
            int64_t end = start + int64_t(std::min(size, uint64_t(stream.size() - start)));
            // SSND begins with an offset and a block size, which are not audio.
            return set_audio(layout, big ? std::min(start + 8, end) : start, end);
        }
        offset = start + int64_t(size + (size & 1));
    }
}

// wavpack.com, "WavPack 4 & 5 Binary File / Block Format": the MD5 is in the last block.
void wavpack_checksum(ctaglib_layout &layout, DescriptorStream &stream) {
    uint8_t bytes[1024];
    size_t count = size_t(std::min<int64_t>(sizeof bytes, layout.audio_end - layout.audio_start));
    if (count < 32 || !stream.read_all(layout.audio_end - int64_t(count), bytes, count))
        return;
    for (size_t at = count - 32 + 1; at-- > 0;) {
        if (!is(bytes + at, "wvpk") || little32(bytes + at + 4) != count - at - 8)
            continue;
        for (size_t block = at + 32; block + 2 <= count;) {
            bool is_large = bytes[block] & 0x80;
            if (is_large && block + 4 > count)
                return;
            size_t size = 2 * (is_large ? bytes[block + 1] | size_t(bytes[block + 2]) << 8 | size_t(bytes[block + 3]) << 16
                                        : bytes[block + 1]);
            size_t start = block + (is_large ? 4 : 2);
            if (size > count - start)
                return;
            if ((bytes[block] & 0x3f) == 0x26 && size == 16)
                return set_checksum(layout, bytes + start);
            block = start + size;
        }
        return;
    }
}

// APE_DESCRIPTOR of Monkey's Audio 3.98 and later.
void ape_checksum(ctaglib_layout &layout, DescriptorStream &stream) {
    uint8_t header[52];
    if (stream.read_all(layout.audio_start, header, sizeof header) && is(header, "MAC ") &&
        (header[4] | header[5] << 8) >= 3980)
        set_checksum(layout, header + 36);
}

}  // namespace

ctaglib_layout read_layout(Format format, DescriptorStream &stream) {
    ctaglib_layout layout = {};
    layout.file_size = stream.size();
    switch (format) {
    case Format::flac:
        flac(layout, stream);
        break;
    case Format::mp4:
        mp4(layout, stream);
        break;
    case Format::wav:
        chunks(layout, stream, false);
        break;
    case Format::aiff:
        chunks(layout, stream, true);
        break;
    case Format::mpeg:
    case Format::adts:
    case Format::wavpack:
    case Format::ape:
    case Format::mpc:
    case Format::trueaudio:
        set_audio(layout, skip_id3v2(stream, 0), before_trailing_tags(stream));
        if (layout.known && format == Format::wavpack)
            wavpack_checksum(layout, stream);
        if (layout.known && format == Format::ape)
            ape_checksum(layout, stream);
        break;
    case Format::vorbis:
    case Format::ogg_flac:
    case Format::opus:
    case Format::speex:
    case Format::asf:
        layout.head_end = read_head_end(format, stream);
        break;
    }
    return layout;
}

}  // namespace ctaglib
