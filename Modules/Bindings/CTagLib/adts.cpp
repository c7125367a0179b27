#include "report.h"

#include <cstring>

namespace ctaglib {
namespace {

constexpr int32_t rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};

struct Frame {
    int32_t hertz, channels, size, samples;
};

bool parse(const uint8_t *p, Frame &frame) {
    // The sync word, and a layer of 0.
    if (p[0] != 0xff || (p[1] & 0xf6) != 0xf0)
        return false;
    unsigned rate = p[2] >> 2 & 15;
    if (rate >= sizeof rates / sizeof *rates)
        return false;
    int channels = (p[2] & 1) << 2 | p[3] >> 6;
    frame.hertz = rates[rate];
    frame.channels = channels == 7 ? 8 : channels;
    frame.size = (p[3] & 3) << 11 | p[4] << 3 | p[5] >> 5;
    frame.samples = 1024 * ((p[6] & 3) + 1);
    return frame.size >= 7;
}

}  // namespace

bool read_adts(DescriptorStream &stream, ctaglib_properties &properties) {
    ctaglib_layout layout = read_layout(Format::adts, stream);
    if (!layout.known)
        return false;
    // The average of the first frames, up to 20 s, stands for all; they lie in what is fetched of a remote file anyway.
    constexpr int frame_limit = 1000;
    constexpr int64_t byte_limit = 96 << 10;
    int64_t offset = layout.audio_start, samples = 0;
    int count = 0;
    Frame first = {}, frame = {};
    uint8_t header[7];
    while (count < frame_limit && offset - layout.audio_start < byte_limit &&
           stream.read_all(offset, header, sizeof header) && parse(header, frame)) {
        if (count++ == 0)
            first = frame;
        samples += frame.samples;
        offset += frame.size;
    }
    // One header alone may be chance, unless the file ends with it.
    if (count == 0 || (count == 1 && offset < layout.audio_end))
        return false;
    double seconds = double(samples) / first.hertz;
    double bytes = double(offset - layout.audio_start);
    double total = double(layout.audio_end - layout.audio_start) / bytes * seconds;
    properties.milliseconds = int64_t(total * 1000 + 0.5);
    properties.kilobits_per_second = int32_t(bytes * 8 / seconds / 1000 + 0.5);
    properties.hertz = first.hertz;
    properties.channels = first.channels;
    properties.bits_per_sample = 0;
    return true;
}

}  // namespace ctaglib
