#include "CTagWriter.h"

#include <exception>
#include <new>
#include <string>
#include <vector>

#include <taglib/aifffile.h>
#include <taglib/apetag.h>
#include <taglib/attachedpictureframe.h>
#include <taglib/flacfile.h>
#include <taglib/id3v2tag.h>
#include <taglib/mp4file.h>
#include <taglib/mpegfile.h>
#include <taglib/opusfile.h>
#include <taglib/tbytevectorstream.h>
#include <taglib/tpropertymap.h>
#include <taglib/vorbisfile.h>
#include <taglib/wavfile.h>
#include <taglib/wavpackfile.h>
#include <taglib/xiphcomment.h>

using namespace TagLib;

namespace {

struct Cover {
    std::string mime_type;
    ByteVector data;
};

String text(const std::string &utf8) { return String(utf8, String::UTF8); }

FLAC::Picture *flac_picture(const Cover &cover) {
    auto *picture = new FLAC::Picture;
    picture->setType(FLAC::Picture::FrontCover);
    picture->setMimeType(text(cover.mime_type));
    picture->setData(cover.data);
    return picture;
}

void add(ID3v2::Tag *tag, const Cover &cover) {
    auto *frame = new ID3v2::AttachedPictureFrame;
    frame->setType(ID3v2::AttachedPictureFrame::FrontCover);
    frame->setMimeType(text(cover.mime_type));
    frame->setPicture(cover.data);
    tag->addFrame(frame);
}

void add(Ogg::XiphComment *comment, const Cover &cover) { comment->addPicture(flac_picture(cover)); }

void add(MP4::Tag *tag, const std::vector<Cover> &covers) {
    MP4::CoverArtList list;
    for (const Cover &cover : covers) {
        auto format = cover.mime_type == "image/png" ? MP4::CoverArt::PNG : MP4::CoverArt::JPEG;
        list.append(MP4::CoverArt(format, cover.data));
    }
    if (!list.isEmpty())
        tag->setItem("covr", list);
}

// The binary item that APEv2 players agree on: a file name, NUL, the picture.
void add(APE::Tag *tag, const Cover &cover) {
    ByteVector value(cover.mime_type == "image/png" ? "cover.png" : "cover.jpg");
    value.append('\0');
    value.append(cover.data);
    tag->setData("COVER ART (FRONT)", value);
}

} // namespace

struct ctagwriter {
    ctagwriter_format format;
    ByteVectorStream stream;
    PropertyMap properties;
    std::vector<Cover> covers;
    ID3v2::Version version = ID3v2::v4;

    ctagwriter(ctagwriter_format format, const uint8_t *audio, size_t size)
        : format(format),
          stream(ByteVector(reinterpret_cast<const char *>(audio), static_cast<unsigned int>(size))) {}

    ctagwriter_status write() {
        switch (format) {
        case CTAGWRITER_FLAC: {
            FLAC::File file(&stream, ID3v2::FrameFactory::instance());
            if (!file.isValid())
                return CTAGWRITER_NOT_VALID;
            file.setProperties(properties);
            for (const Cover &cover : covers)
                file.addPicture(flac_picture(cover));
            return saved(file.save());
        }
        case CTAGWRITER_MP3: {
            MPEG::File file(&stream, ID3v2::FrameFactory::instance());
            if (!file.isValid())
                return CTAGWRITER_NOT_VALID;
            file.ID3v2Tag(true)->setProperties(properties);
            for (const Cover &cover : covers)
                add(file.ID3v2Tag(true), cover);
            return saved(file.save(MPEG::File::ID3v2, File::StripNone, version, File::DoNotDuplicate));
        }
        case CTAGWRITER_VORBIS: {
            Ogg::Vorbis::File file(&stream);
            return write_xiph(file);
        }
        case CTAGWRITER_OPUS: {
            Ogg::Opus::File file(&stream);
            return write_xiph(file);
        }
        case CTAGWRITER_MP4: {
            MP4::File file(&stream);
            if (!file.isValid())
                return CTAGWRITER_NOT_VALID;
            // TagLib knows no MP4 name for some keys; players look for those among the free-form items.
            for (const auto &[key, values] : file.setProperties(properties))
                file.tag()->setItem("----:com.apple.iTunes:" + key, MP4::Item(values));
            add(file.tag(), covers);
            return saved(file.save());
        }
        case CTAGWRITER_WAV: {
            RIFF::WAV::File file(&stream);
            if (!file.isValid())
                return CTAGWRITER_NOT_VALID;
            file.setProperties(properties);
            for (const Cover &cover : covers)
                add(file.ID3v2Tag(), cover);
            return saved(file.save(RIFF::WAV::File::AllTags, File::StripOthers, version));
        }
        case CTAGWRITER_AIFF: {
            RIFF::AIFF::File file(&stream);
            if (!file.isValid())
                return CTAGWRITER_NOT_VALID;
            file.setProperties(properties);
            for (const Cover &cover : covers)
                add(file.tag(), cover);
            return saved(file.save());
        }
        case CTAGWRITER_WAVPACK: {
            WavPack::File file(&stream);
            if (!file.isValid())
                return CTAGWRITER_NOT_VALID;
            file.setProperties(properties);
            for (const Cover &cover : covers)
                add(file.APETag(true), cover);
            return saved(file.save());
        }
        }
        return CTAGWRITER_NOT_VALID;
    }

  private:
    static ctagwriter_status saved(bool success) { return success ? CTAGWRITER_OK : CTAGWRITER_NOT_SAVED; }

    template <typename OggFile> ctagwriter_status write_xiph(OggFile &file) {
        if (!file.isValid())
            return CTAGWRITER_NOT_VALID;
        file.setProperties(properties);
        for (const Cover &cover : covers)
            add(file.tag(), cover);
        return saved(file.save());
    }
};

ctagwriter *ctagwriter_create(ctagwriter_format format, const uint8_t *audio, size_t size) {
    try {
        return new ctagwriter(format, audio, size);
    } catch (const std::exception &) {
        return nullptr;
    }
}

void ctagwriter_destroy(ctagwriter *writer) { delete writer; }

void ctagwriter_add_property(ctagwriter *writer, const char *key, const char *value, size_t size) {
    writer->properties.insert(String(key), StringList(text(std::string(value, size))));
}

void ctagwriter_add_cover(ctagwriter *writer, const char *mime_type, const uint8_t *data, size_t size) {
    writer->covers.push_back(
        {mime_type, ByteVector(reinterpret_cast<const char *>(data), static_cast<unsigned int>(size))});
}

void ctagwriter_use_id3v23(ctagwriter *writer) { writer->version = ID3v2::v3; }

ctagwriter_status ctagwriter_finish(ctagwriter *writer, const uint8_t **data, size_t *data_size) {
    try {
        ctagwriter_status status = writer->write();
        if (status != CTAGWRITER_OK)
            return status;
        *data = reinterpret_cast<const uint8_t *>(writer->stream.data()->data());
        *data_size = writer->stream.data()->size();
        return CTAGWRITER_OK;
    } catch (const std::bad_alloc &) {
        return CTAGWRITER_NO_MEMORY;
    } catch (const std::exception &) {
        return CTAGWRITER_NOT_SAVED;
    }
}
