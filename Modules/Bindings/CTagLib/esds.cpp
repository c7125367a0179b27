// The channels of AAC in MP4: the sample entry, by which TagLib goes, says 2 for everything (ISO/IEC 14496-14,
// section 5.6), and the decoder's configuration knows. Every length is checked; loops are bounded.

// First: in it, `File` must not yet be MP4's.
#include <taglib/mp4atom.h>

#include "report.h"

#include <algorithm>
#include <cstring>

using namespace TagLib;

namespace ctaglib {
namespace {

// The sample descriptions of the first track with sound, which is the one that TagLib takes; -1 when there is none.
int64_t sound_descriptions(MP4::File &file, DescriptorStream &stream) {
    MP4::Atoms atoms(&file);
    MP4::Atom *movie = atoms.find("moov");
    if (movie == nullptr)
        return -1;
    for (MP4::Atom *track : movie->findall("trak")) {
        MP4::Atom *handler = track->find("mdia", "hdlr");
        uint8_t kind[4];
        if (handler == nullptr || !stream.read_all(handler->offset + 16, kind, 4) || memcmp(kind, "soun", 4) != 0)
            continue;
        MP4::Atom *descriptions = track->find("mdia", "minf", "stbl", "stsd");
        return descriptions == nullptr ? -1 : descriptions->offset;
    }
    return -1;
}

// Bits from the highest on; 0 behind the end, which `is_over` tells.
struct Bits {
    const uint8_t *bytes;
    size_t count, at = 0;
    bool is_over = false;

    unsigned read(unsigned width) {
        unsigned value = 0;
        for (; width > 0; width--, at++) {
            if (at / 8 >= count)
                is_over = true;
            value = value << 1 | (is_over ? 0 : bytes[at / 8] >> (7 - at % 8) & 1);
        }
        return value;
    }
};

// ISO/IEC 14496-3, section 4.4.1.1, the same as 13818-7, section 6.3: the channels are counted one by one.
int program_channels(Bits &bits) {
    bits.read(4 + 2 + 4);
    unsigned front = bits.read(4), side = bits.read(4), back = bits.read(4), low = bits.read(2);
    bits.read(3 + 4);
    for (unsigned width : {4, 4, 3}) {
        if (bits.read(1))
            bits.read(width);
    }
    unsigned channels = low;
    for (unsigned i = 0; i < front + side + back; i++) {
        channels += bits.read(1) + 1;
        bits.read(4);
    }
    return bits.is_over ? 0 : int(channels);
}

unsigned object_type(Bits &bits) {
    unsigned type = bits.read(5);
    return type == 31 ? 32 + bits.read(6) : type;
}

void skip_rate(Bits &bits) {
    if (bits.read(4) == 15)
        bits.read(24);
}

// AudioSpecificConfig: ISO/IEC 14496-3, section 1.6.2.1.
int configured_channels(Bits bits) {
    constexpr uint8_t channels[16] = {0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8, 0};
    constexpr unsigned sbr = 5, parametric_stereo = 29;
    unsigned type = object_type(bits);
    skip_rate(bits);
    unsigned configuration = bits.read(4);
    bool is_parametric = type == parametric_stereo;
    if (type == sbr || is_parametric) {
        skip_rate(bits);
        type = object_type(bits);
    }
    if (bits.is_over)
        return 0;
    if (configuration != 0)
        return is_parametric && configuration == 1 ? 2 : channels[configuration];
    // Main, LC, SSR and LTP: GASpecificConfig, section 4.4.1, with the channels in it.
    if (type < 1 || type > 4)
        return 0;
    bits.read(1);
    if (bits.read(1))
        bits.read(14);
    bits.read(1);
    return program_channels(bits);
}

// The bytes of the descriptor when it is the next, whose size is in up to four bytes (ISO/IEC 14496-1, section 8.3.3).
Bits descriptor(Bits &inside, unsigned tag) {
    if (inside.read(8) != tag)
        return {nullptr, 0};
    size_t size = 0;
    for (int i = 0; i < 4; i++) {
        unsigned byte = inside.read(8);
        size = size << 7 | (byte & 0x7f);
        if (!(byte & 0x80))
            break;
    }
    size_t start = std::min(inside.at / 8, inside.count);
    return {inside.bytes + start, std::min(size, inside.count - start)};
}

}  // namespace

int read_aac_channels(MP4::File &file, DescriptorStream &stream) {
    int64_t offset = sound_descriptions(file, stream);
    uint8_t bytes[1024];
    size_t count = offset < 0 ? 0 : stream.read_at(offset, bytes, sizeof bytes);
    // The first entry begins behind the counts. In QuickTime's the box lies deeper, so it is searched for.
    constexpr size_t name = 20, children = 52;
    if (count < children || memcmp(bytes + name, "mp4a", 4) != 0)
        return 0;
    auto *box = static_cast<uint8_t *>(memmem(bytes + children, count - children, "esds", 4));
    if (box == nullptr)
        return 0;
    // Behind the name, a version and flags.
    size_t start = std::min(size_t(box - bytes) + 8, count);
    Bits content = {bytes + start, count - start};
    Bits stream_bits = descriptor(content, 3);
    stream_bits.read(16);
    unsigned flags = stream_bits.read(8);
    if (flags & 0x80)
        stream_bits.read(16);
    if (flags & 0x40)
        stream_bits.read(8 * stream_bits.read(8));
    if (flags & 0x20)
        stream_bits.read(16);
    Bits decoder = descriptor(stream_bits, 4);
    unsigned coding = decoder.read(8);
    // 14496-3, and the profiles of 13818-7 (ISO/IEC 14496-1, table 5); MPEG-1 layers are others.
    if (coding != 0x40 && (coding < 0x66 || coding > 0x68))
        return 0;
    decoder.read(8 * 12);
    return configured_channels(descriptor(decoder, 5));
}

}  // namespace ctaglib
