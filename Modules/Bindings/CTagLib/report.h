// What the parts of this library hand to each other.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "include/CTagLib.h"
#include "stream.h"

#include <taglib/asftag.h>
#include <taglib/mp4file.h>
#include <taglib/tfile.h>

namespace ctaglib {

enum class Format { flac, mpeg, adts, vorbis, ogg_flac, opus, speex, mp4, wav, aiff, asf, wavpack, ape, mpc, trueaudio };

struct OpenFile {
    Format format;
    // Where `file` reads from something else than the stream itself.
    std::unique_ptr<TagLib::IOStream> view;
    std::unique_ptr<TagLib::File> file;
};

// By the extension of `name`, then by content. `file` is null when nothing fits.
OpenFile open_file(DescriptorStream &stream, const std::string &name);

struct Tag {
    std::string key, value;
};

// Every value of every tag, text as valid UTF-8.
std::vector<Tag> read_tags(Format format, TagLib::File &file, DescriptorStream &stream);

// Puts the first value of each attribute first: it is in the Extended Content Description, the others in the header
// extension, which comes before it in most files, and TagLib goes by the order in the file.
void order_attributes(TagLib::ASF::Tag &tag, DescriptorStream &stream);

// Where the audio lies, by a parser of our own.
ctaglib_layout read_layout(Format format, DescriptorStream &stream);

// The end of the headers of a format without a layout: Ogg's header pages, ASF's header object; 0 when not known.
int64_t read_head_end(Format format, DescriptorStream &stream);

// Where the cover items of an MP4 file lie; empty when there are none.
ctaglib_range find_covers(TagLib::MP4::File &file);

struct Picture {
    uint8_t type;
    std::string mime_type;
    int64_t size, offset;
};

// `layout` tells where to look for the pictures' bytes.
std::vector<Picture> read_pictures(
    Format format, TagLib::File &file, const ctaglib_layout &layout, DescriptorStream &stream);

// UTF-8; what is not a code point becomes U+FFFD. (TString::to8Bit drops a text with a lone surrogate.)
std::string utf8(const TagLib::String &text);

// Of a raw AAC stream (ISO/IEC 13818-7, section 6.2), which TagLib 1.13 does not read. False when there is none.
bool read_adts(DescriptorStream &stream, ctaglib_properties &properties);

// Of the first audio track of an MP4 file; 0 when it is not AAC or does not tell.
int read_aac_channels(TagLib::MP4::File &file, DescriptorStream &stream);

}  // namespace ctaglib
