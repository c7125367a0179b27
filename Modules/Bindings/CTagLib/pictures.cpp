#include "report.h"

#include <algorithm>
#include <cstring>

#include <taglib/aifffile.h>
#include <taglib/apefile.h>
#include <taglib/apetag.h>
#include <taglib/asffile.h>
#include <taglib/attachedpictureframe.h>
#include <taglib/flacfile.h>
#include <taglib/id3v2tag.h>
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
#include <taglib/xiphcomment.h>

using namespace TagLib;

namespace ctaglib {
namespace {

// How far into the head and the tail the bytes of pictures are looked for.
constexpr int64_t search_limit = 64 << 20;

// Looks for the bytes of pictures in the file: TagLib does not say where it found them.
class Locator {
  public:
    Locator(Format format, TagLib::File &file, DescriptorStream &stream, const ctaglib_layout &layout)
        : stream_(stream) {
        int64_t size = stream.size();
        if (format == Format::mp4) {
            ctaglib_range covers = find_covers(static_cast<MP4::File &>(file));
            add_region(std::max<int64_t>(covers.start, 0), std::min(covers.end, size));
        } else if (layout.known) {
            add_region(0, std::min(layout.audio_start, search_limit));
            add_region(layout.audio_end, std::min(size, layout.audio_end + search_limit));
        } else if (format == Format::asf) {
            add_region(0, layout.head_end);
        }
        // In Ogg they are base64, and nowhere plain.
    }

    // -1 when they do not lie there in one piece, which a changed, inserted or escaped byte would shift: so the
    // picture's first and last bytes are compared, at the distance of its size.
    int64_t find(const ByteVector &picture) {
        for (Region &region : regions_) {
            // Mostly the next picture lies behind the one before; APE and ASF tags have an order of their own.
            int64_t found = find(picture, region.next, region.end);
            if (found < 0 && region.next > region.start)
                found = find(picture, region.start, region.next);
            if (found < 0)
                continue;
            region.next = found + picture.size();
            return found;
        }
        return -1;
    }

  private:
    struct Region {
        int64_t start, next, end;
    };

    void add_region(int64_t start, int64_t end) { regions_.push_back({start, start, end}); }

    int64_t find(const ByteVector &picture, int64_t offset, int64_t end) {
        size_t probe = std::min<size_t>(picture.size(), 64);
        size_t last = std::min<size_t>(picture.size(), 4096);
        if (probe == 0)
            return -1;
        buffer_.resize(32768);
        std::vector<uint8_t> tail(last);
        while (offset + int64_t(picture.size()) <= end) {
            size_t want = size_t(std::min<int64_t>(int64_t(buffer_.size()), end - offset));
            size_t got = stream_.read_at(offset, buffer_.data(), want);
            if (got < probe)
                return -1;
            auto *hit = static_cast<uint8_t *>(memmem(buffer_.data(), got, picture.data(), probe));
            if (hit == nullptr) {
                offset += int64_t(got - probe + 1);
                continue;
            }
            int64_t found = offset + (hit - buffer_.data());
            if (found + int64_t(picture.size()) > end)
                return -1;
            if (stream_.read_all(found + int64_t(picture.size() - last), tail.data(), last) &&
                memcmp(tail.data(), picture.data() + (picture.size() - last), last) == 0)
                return found;
            offset = found + 1;
        }
        return -1;
    }

    DescriptorStream &stream_;
    std::vector<Region> regions_;
    std::vector<uint8_t> buffer_;
};

class Collector {
  public:
    explicit Collector(Locator locator) : locator_(std::move(locator)) {}

    void add(int type, const String &mime_type, const ByteVector &data) {
        // A file has a handful; a hostile one must not keep us searching.
        if (pictures.size() >= 64)
            return;
        // RFC 6838, section 4.2: two names of at most 127 characters; what is longer is none.
        std::string name = mime_type.size() <= 255 ? utf8(mime_type) : std::string();
        pictures.push_back({uint8_t(type >= 0 && type <= 255 ? type : 0), std::move(name), int64_t(data.size()),
            locator_.find(data)});
    }

    void add(const List<FLAC::Picture *> &list) {
        for (FLAC::Picture *picture : list)
            add(picture->type(), picture->mimeType(), picture->data());
    }

    void add(const ID3v2::Tag *tag) {
        if (tag == nullptr)
            return;
        for (ID3v2::Frame *frame : tag->frameList("APIC")) {
            if (auto *picture = dynamic_cast<ID3v2::AttachedPictureFrame *>(frame))
                add(picture->type(), picture->mimeType(), picture->picture());
        }
    }

    // Binary items "Cover Art (…)": a file name, a NUL, the picture.
    void add(APE::Tag *tag) {
        if (tag == nullptr)
            return;
        for (const auto &[key, item] : tag->itemListMap()) {
            if (item.type() != APE::Item::Binary || !key.upper().startsWith("COVER ART"))
                continue;
            ByteVector value = item.binaryData();
            int end = value.find('\0');
            if (end < 0)
                continue;
            ByteVector data = value.mid(unsigned(end) + 1);
            int type = key.upper() == "COVER ART (FRONT)" ? 3 : key.upper() == "COVER ART (BACK)" ? 4 : 0;
            add(type, data.startsWith("\x89PNG") ? "image/png" : data.startsWith("\xff\xd8") ? "image/jpeg" : "", data);
        }
    }

    void add(MP4::Tag *tag) {
        if (tag == nullptr || !tag->contains("covr"))
            return;
        // MP4 has no types: the first is the front cover.
        int type = 3;
        for (const MP4::CoverArt &cover : tag->item("covr").toCoverArtList()) {
            add(type, mime_type(cover.format()), cover.data());
            type = 0;
        }
    }

    void add(ASF::Tag *tag) {
        if (tag == nullptr)
            return;
        for (const ASF::Attribute &attribute : tag->attribute("WM/Picture")) {
            ASF::Picture picture = attribute.toPicture();
            if (picture.isValid())
                add(picture.type(), picture.mimeType(), picture.picture());
        }
    }

    std::vector<Picture> pictures;

  private:
    static const char *mime_type(MP4::CoverArt::Format format) {
        switch (format) {
        case MP4::CoverArt::JPEG:
            return "image/jpeg";
        case MP4::CoverArt::PNG:
            return "image/png";
        case MP4::CoverArt::BMP:
            return "image/bmp";
        case MP4::CoverArt::GIF:
            return "image/gif";
        default:
            return "";
        }
    }

    Locator locator_;
};

template <typename File> File &as(TagLib::File &file) { return static_cast<File &>(file); }

}  // namespace

std::vector<Picture> read_pictures(
    Format format, TagLib::File &file, const ctaglib_layout &layout, DescriptorStream &stream) {
    Collector collector{Locator(format, file, stream, layout)};
    auto add_xiph = [&](Ogg::XiphComment *tag) {
        if (tag != nullptr)
            collector.add(tag->pictureList());
    };
    switch (format) {
    case Format::flac:
        collector.add(as<FLAC::File>(file).pictureList());
        if (as<FLAC::File>(file).hasXiphComment())
            add_xiph(as<FLAC::File>(file).xiphComment());
        if (as<FLAC::File>(file).hasID3v2Tag())
            collector.add(as<FLAC::File>(file).ID3v2Tag());
        break;
    case Format::mpeg:
    case Format::adts:
        if (as<MPEG::File>(file).hasID3v2Tag())
            collector.add(as<MPEG::File>(file).ID3v2Tag());
        if (as<MPEG::File>(file).hasAPETag())
            collector.add(as<MPEG::File>(file).APETag());
        break;
    case Format::vorbis:
        add_xiph(as<Ogg::Vorbis::File>(file).tag());
        break;
    case Format::ogg_flac:
        add_xiph(as<Ogg::FLAC::File>(file).tag());
        break;
    case Format::opus:
        add_xiph(as<Ogg::Opus::File>(file).tag());
        break;
    case Format::speex:
        add_xiph(as<Ogg::Speex::File>(file).tag());
        break;
    case Format::mp4:
        collector.add(as<MP4::File>(file).tag());
        break;
    case Format::wav:
        if (as<RIFF::WAV::File>(file).hasID3v2Tag())
            collector.add(as<RIFF::WAV::File>(file).ID3v2Tag());
        break;
    case Format::aiff:
        if (as<RIFF::AIFF::File>(file).hasID3v2Tag())
            collector.add(as<RIFF::AIFF::File>(file).tag());
        break;
    case Format::asf:
        collector.add(as<ASF::File>(file).tag());
        break;
    case Format::wavpack:
        if (as<WavPack::File>(file).hasAPETag())
            collector.add(as<WavPack::File>(file).APETag());
        break;
    case Format::ape:
        if (as<APE::File>(file).hasAPETag())
            collector.add(as<APE::File>(file).APETag());
        break;
    case Format::mpc:
        if (as<MPC::File>(file).hasAPETag())
            collector.add(as<MPC::File>(file).APETag());
        break;
    case Format::trueaudio:
        if (as<TrueAudio::File>(file).hasID3v2Tag())
            collector.add(as<TrueAudio::File>(file).ID3v2Tag());
        break;
    }
    return std::move(collector.pictures);
}

}  // namespace ctaglib
