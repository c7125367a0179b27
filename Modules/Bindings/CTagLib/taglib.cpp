// The C interface, and the one place where exceptions end.
#include "report.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>

#include <taglib/aifffile.h>
#include <taglib/apefile.h>
#include <taglib/asffile.h>
#include <taglib/flacproperties.h>
#include <taglib/mp4file.h>
#include <taglib/trueaudiofile.h>
#include <taglib/wavfile.h>
#include <taglib/wavpackfile.h>

using namespace TagLib;

struct ctaglib_file {
    ctaglib_status status = CTAGLIB_OK;
    std::string reason;
    int error = 0;
    ctaglib_range need = {0, 0};
    std::vector<ctaglib::Tag> tags;
    ctaglib_properties properties = {};
    ctaglib_layout layout = {};
    std::vector<ctaglib::Picture> pictures;
};

namespace {

ctaglib_bytes bytes(const std::string &text) {
    return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

template <typename Properties> int bits(const AudioProperties *properties) {
    return static_cast<const Properties *>(properties)->bitsPerSample();
}

int bits_per_sample(ctaglib::Format format, const AudioProperties *properties) {
    switch (format) {
    case ctaglib::Format::flac:
    case ctaglib::Format::ogg_flac:
        return bits<FLAC::Properties>(properties);
    case ctaglib::Format::mp4: {
        auto *mp4 = static_cast<const MP4::Properties *>(properties);
        // AAC has no sample size; its field is a constant 16.
        return mp4->codec() == MP4::Properties::ALAC ? mp4->bitsPerSample() : 0;
    }
    case ctaglib::Format::wav:
        return bits<RIFF::WAV::Properties>(properties);
    case ctaglib::Format::aiff:
        return bits<RIFF::AIFF::Properties>(properties);
    case ctaglib::Format::wavpack:
        return bits<WavPack::Properties>(properties);
    case ctaglib::Format::ape:
        return bits<APE::Properties>(properties);
    case ctaglib::Format::trueaudio:
        return bits<TrueAudio::Properties>(properties);
    case ctaglib::Format::asf: {
        auto *asf = static_cast<const ASF::Properties *>(properties);
        return asf->codec() == ASF::Properties::WMA9Lossless ? asf->bitsPerSample() : 0;
    }
    default:
        return 0;
    }
}

// The count of samples by the last Ogg page (RFC 3533, section 6), for encoders that leave it out of STREAMINFO;
// 0 when it is not found.
double last_granule(ctaglib::DescriptorStream &stream) {
    std::vector<uint8_t> tail(size_t(std::min<int64_t>(stream.size(), 65536)));
    size_t count = stream.read_at(stream.size() - int64_t(tail.size()), tail.data(), tail.size());
    for (size_t at = count < 14 ? 0 : count - 14 + 1; at-- > 0;) {
        if (memcmp(tail.data() + at, "OggS", 4) != 0)
            continue;
        int64_t granule = 0;
        for (int i = 7; i >= 0; i--)
            granule = int64_t(uint64_t(granule) << 8 | tail[at + 6 + size_t(i)]);
        return granule > 0 && granule < int64_t(1) << 48 ? double(granule) : 0;
    }
    return 0;
}

void read_properties(ctaglib_file &report, ctaglib::OpenFile &open, ctaglib::DescriptorStream &stream) {
    if (open.format == ctaglib::Format::adts) {
        read_adts(stream, report.properties);
        return;
    }
    const AudioProperties *properties = open.file->audioProperties();
    report.properties.milliseconds = properties->lengthInMilliseconds();
    report.properties.kilobits_per_second = properties->bitrate();
    report.properties.hertz = properties->sampleRate();
    // TagLib takes the field of MP4 for a signed one.
    report.properties.channels = std::max(properties->channels(), 0);
    if (open.format == ctaglib::Format::mp4) {
        int channels = ctaglib::read_aac_channels(static_cast<MP4::File &>(*open.file), stream);
        if (channels > 0)
            report.properties.channels = channels;
    }
    report.properties.bits_per_sample = bits_per_sample(open.format, properties);
    if (open.format == ctaglib::Format::ogg_flac && report.properties.milliseconds <= 0)
        report.properties.milliseconds =
            int64_t(last_granule(stream) / std::max(report.properties.hertz / 1000.0, 1.0));
    const ctaglib_layout &layout = report.layout;
    // Some encoders leave the field for the bit rate empty.
    if (report.properties.kilobits_per_second <= 0 && report.properties.milliseconds > 0) {
        int64_t size = layout.known ? layout.audio_end - layout.audio_start : layout.file_size;
        int64_t rate = int64_t(double(size) * 8 / double(report.properties.milliseconds));
        report.properties.kilobits_per_second = int32_t(std::min<int64_t>(rate, INT32_MAX));
    }
}

void fail(ctaglib_file &report, ctaglib_status status, const char *reason) {
    report.status = status;
    try {
        report.reason = reason;
    } catch (...) {
        report.status = CTAGLIB_NO_MEMORY;
    }
}

void read(ctaglib_file &report, ctaglib::DescriptorStream &stream, const std::string &name) {
    ctaglib::OpenFile open = ctaglib::open_file(stream, name);
    if (open.file == nullptr) {
        fail(report, CTAGLIB_UNREADABLE,
            stream.size() == 0 ? "the file is empty" : "no audio stream of a known format was found in it");
        return;
    }
    report.layout = ctaglib::read_layout(open.format, stream);
    read_properties(report, open, stream);
    report.tags = ctaglib::read_tags(open.format, *open.file, stream);
    report.pictures = ctaglib::read_pictures(open.format, *open.file, report.layout, stream);
}

}  // namespace

ctaglib_file *ctaglib_open(
    int fd, const char *name, size_t name_size, const ctaglib_range *present, size_t present_count) {
    auto *report = new (std::nothrow) ctaglib_file;
    if (report == nullptr)
        return nullptr;
    try {
        ctaglib::DescriptorStream stream(fd, present, present_count);
        try {
            if (stream.error() == 0)
                read(*report, stream, std::string(name, name_size));
        } catch (...) {
            report->need = stream.need();
            throw;
        }
        report->need = stream.need();
        if (stream.error() != 0) {
            report->error = stream.error();
            report->status = CTAGLIB_IO_ERROR;
        }
    } catch (const std::bad_alloc &) {
        report->status = CTAGLIB_NO_MEMORY;
    } catch (const std::exception &error) {
        fail(*report, CTAGLIB_UNREADABLE, error.what());
    } catch (...) {
        fail(*report, CTAGLIB_UNREADABLE, "TagLib failed");
    }
    return report;
}

void ctaglib_close(ctaglib_file *file) { delete file; }

ctaglib_range ctaglib_need(const ctaglib_file *file) { return file->need; }

ctaglib_status ctaglib_file_status(const ctaglib_file *file) { return file->status; }
const char *ctaglib_reason(const ctaglib_file *file) { return file->reason.c_str(); }
int ctaglib_errno(const ctaglib_file *file) { return file->error; }

size_t ctaglib_tag_count(const ctaglib_file *file) { return file->tags.size(); }

ctaglib_tag ctaglib_tag_at(const ctaglib_file *file, size_t index) {
    if (index >= file->tags.size())
        return {};
    const ctaglib::Tag &tag = file->tags[index];
    return {bytes(tag.key), bytes(tag.value)};
}

ctaglib_properties ctaglib_audio_properties(const ctaglib_file *file) { return file->properties; }
ctaglib_layout ctaglib_audio_layout(const ctaglib_file *file) { return file->layout; }

size_t ctaglib_picture_count(const ctaglib_file *file) { return file->pictures.size(); }

ctaglib_picture ctaglib_picture_at(const ctaglib_file *file, size_t index) {
    if (index >= file->pictures.size())
        return {};
    const ctaglib::Picture &picture = file->pictures[index];
    return {picture.type, bytes(picture.mime_type), picture.size, picture.offset};
}
