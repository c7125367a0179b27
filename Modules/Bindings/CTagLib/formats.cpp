#include "report.h"

#include <array>
#include <cctype>

#include <taglib/aifffile.h>
#include <taglib/apefile.h>
#include <taglib/asffile.h>
#include <taglib/flacfile.h>
#include <taglib/id3v2framefactory.h>
#include <taglib/mp4file.h>
#include <taglib/mpcfile.h>
#include <taglib/mpegfile.h>
#include <taglib/oggflacfile.h>
#include <taglib/opusfile.h>
#include <taglib/speexfile.h>
#include <taglib/trueaudiofile.h>
#include <taglib/vorbisfile.h>
#include <taglib/wavfile.h>
#include <taglib/wavpackfile.h>

using namespace TagLib;

namespace ctaglib {
namespace {

struct Extension {
    const char *name;
    Format format;
};

constexpr Extension extensions[] = {
    {"flac", Format::flac}, {"mp3", Format::mpeg}, {"ogg", Format::vorbis}, {"oga", Format::ogg_flac},
    {"opus", Format::opus}, {"spx", Format::speex}, {"m4a", Format::mp4}, {"m4b", Format::mp4},
    {"mp4", Format::mp4}, {"aac", Format::adts}, {"wav", Format::wav}, {"aif", Format::aiff},
    {"aiff", Format::aiff}, {"aifc", Format::aiff}, {"wma", Format::asf}, {"asf", Format::asf},
    {"wv", Format::wavpack}, {"ape", Format::ape}, {"mpc", Format::mpc}, {"tta", Format::trueaudio},
};

// In the order of their certainty: MPEG frames are the easiest to mistake something for.
constexpr std::array by_content = {
    Format::flac, Format::mp4, Format::vorbis, Format::opus, Format::ogg_flac, Format::speex, Format::wav,
    Format::aiff, Format::asf, Format::wavpack, Format::ape, Format::mpc, Format::trueaudio, Format::adts,
    Format::mpeg,
};

bool is_supported(Format format, DescriptorStream &stream) {
    switch (format) {
    case Format::flac:
        return FLAC::File::isSupported(&stream);
    case Format::mpeg:
        return MPEG::File::isSupported(&stream);
    case Format::adts: {
        ctaglib_properties properties;
        return read_adts(stream, properties);
    }
    case Format::vorbis:
        return Ogg::Vorbis::File::isSupported(&stream);
    case Format::ogg_flac:
        return Ogg::FLAC::File::isSupported(&stream);
    case Format::opus:
        return Ogg::Opus::File::isSupported(&stream);
    case Format::speex:
        return Ogg::Speex::File::isSupported(&stream);
    case Format::mp4:
        return MP4::File::isSupported(&stream);
    case Format::wav:
        return RIFF::WAV::File::isSupported(&stream);
    case Format::aiff:
        return RIFF::AIFF::File::isSupported(&stream);
    case Format::asf:
        return ASF::File::isSupported(&stream);
    case Format::wavpack:
        return WavPack::File::isSupported(&stream);
    case Format::ape:
        return APE::File::isSupported(&stream);
    case Format::mpc:
        return MPC::File::isSupported(&stream);
    case Format::trueaudio:
        return TrueAudio::File::isSupported(&stream);
    }
    return false;
}

std::unique_ptr<File> create(Format format, IOStream &stream) {
    stream.seek(0, IOStream::Beginning);
    switch (format) {
    case Format::flac:
        return std::make_unique<FLAC::File>(&stream, ID3v2::FrameFactory::instance());
    case Format::mpeg:
        return std::make_unique<MPEG::File>(&stream, ID3v2::FrameFactory::instance());
    case Format::adts:
        return std::make_unique<MPEG::File>(&stream, ID3v2::FrameFactory::instance(), false);
    case Format::vorbis:
        return std::make_unique<Ogg::Vorbis::File>(&stream);
    case Format::ogg_flac:
        return std::make_unique<Ogg::FLAC::File>(&stream);
    case Format::opus:
        return std::make_unique<Ogg::Opus::File>(&stream);
    case Format::speex:
        return std::make_unique<Ogg::Speex::File>(&stream);
    case Format::mp4:
        return std::make_unique<MP4::File>(&stream);
    case Format::wav:
        return std::make_unique<RIFF::WAV::File>(&stream);
    case Format::aiff:
        return std::make_unique<RIFF::AIFF::File>(&stream);
    case Format::asf:
        return std::make_unique<ASF::File>(&stream);
    case Format::wavpack:
        return std::make_unique<WavPack::File>(&stream);
    case Format::ape:
        return std::make_unique<APE::File>(&stream);
    case Format::mpc:
        return std::make_unique<MPC::File>(&stream);
    case Format::trueaudio:
        return std::make_unique<TrueAudio::File>(&stream);
    }
    return nullptr;
}

// A file without an audio stream is none of that format, whatever TagLib's `isValid` says.
bool try_open(Format format, DescriptorStream &stream, OpenFile &result) {
    // TagLib takes anything without a mark for an old Musepack stream.
    if ((format == Format::adts || format == Format::mpc) && !is_supported(format, stream))
        return false;
    std::unique_ptr<IOStream> view;
    if (format == Format::adts) {
        // TagLib would look for a tag up to the first MPEG frame, which never comes.
        ctaglib_layout layout = read_layout(format, stream);
        view = std::make_unique<AudiolessStream>(stream, layout.audio_start, layout.audio_end);
    }
    std::unique_ptr<File> file = create(format, view != nullptr ? *view : static_cast<IOStream &>(stream));
    if (file == nullptr || !file->isValid())
        return false;
    AudioProperties *properties = file->audioProperties();
    if (format != Format::adts && (properties == nullptr || properties->sampleRate() <= 0))
        return false;
    result = {format, std::move(view), std::move(file)};
    return true;
}

const Extension *find_extension(const std::string &name) {
    size_t dot = name.rfind('.');
    if (dot == std::string::npos)
        return nullptr;
    std::string extension = name.substr(dot + 1);
    for (char &byte : extension)
        byte = char(tolower(static_cast<unsigned char>(byte)));
    for (const Extension &candidate : extensions) {
        if (extension == candidate.name)
            return &candidate;
    }
    return nullptr;
}

}  // namespace

OpenFile open_file(DescriptorStream &stream, const std::string &name) {
    OpenFile result = {Format::flac, nullptr, nullptr};
    const Extension *extension = find_extension(name);
    if (extension != nullptr && try_open(extension->format, stream, result))
        return result;
    for (Format format : by_content) {
        if (extension != nullptr && extension->format == format)
            continue;
        if (is_supported(format, stream) && try_open(format, stream, result))
            break;
    }
    return result;
}

}  // namespace ctaglib
