// The order of ASF attributes with several values (Advanced Systems Format specification 01.20.06, sections 2 and 3).
#include "report.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>

#include <taglib/asftag.h>

using namespace TagLib;

namespace ctaglib {
namespace {

constexpr int object_limit = 4096;
constexpr size_t id_size = 16, object_header_size = 24, file_header_size = 30;

constexpr uint8_t header_extension[id_size] = {
    0xb5, 0x03, 0xbf, 0x5f, 0x2e, 0xa9, 0xcf, 0x11, 0x8e, 0xe3, 0x00, 0xc0, 0x0c, 0x20, 0x53, 0x65};
constexpr uint8_t extended_content_description[id_size] = {
    0x40, 0xa4, 0xd0, 0xd2, 0x07, 0xe3, 0xd2, 0x11, 0x97, 0xf0, 0x00, 0xa0, 0xc9, 0x5e, 0xa8, 0x50};

unsigned little16(const uint8_t *p) { return unsigned(p[1]) << 8 | p[0]; }

// How often each name occurs in the Extended Content Description Object behind `offset`.
std::map<String, unsigned> count_names(DescriptorStream &stream, int64_t offset) {
    std::map<String, unsigned> names;
    uint8_t number[2];
    if (!stream.read_all(offset, number, 2))
        return names;
    offset += 2;
    for (unsigned left = little16(number); left > 0 && stream.read_all(offset, number, 2); left--) {
        ByteVector name(little16(number), 0);
        if (!stream.read_all(offset + 2, name.data(), name.size()))
            break;
        offset += 2 + name.size();
        // The NUL at its end counts.
        while (name.size() >= 2 && name[name.size() - 1] == 0 && name[name.size() - 2] == 0)
            name.resize(name.size() - 2);
        uint8_t type_and_size[4];
        if (!stream.read_all(offset, type_and_size, 4))
            break;
        names[String(name, String::UTF16LE)]++;
        offset += 4 + little16(type_and_size + 2);
    }
    return names;
}

// The same of the whole file, but empty when the header extension comes behind it.
std::map<String, unsigned> names_behind_extension(DescriptorStream &stream) {
    int64_t offset = file_header_size;
    bool is_behind = false;
    uint8_t header[object_header_size];
    for (int i = 0; i < object_limit && stream.read_all(offset, header, sizeof header); i++) {
        if (memcmp(header, header_extension, id_size) == 0)
            is_behind = true;
        if (memcmp(header, extended_content_description, id_size) == 0) {
            if (!is_behind)
                return {};
            return count_names(stream, offset + int64_t(object_header_size));
        }
        uint64_t size = 0;
        for (size_t byte = object_header_size; byte-- > id_size;)
            size = size << 8 | header[byte];
        if (size < object_header_size || size > uint64_t(stream.size() - offset))
            break;
        offset += int64_t(size);
    }
    return {};
}

}  // namespace

void order_attributes(ASF::Tag &tag, DescriptorStream &stream) {
    auto &attributes = tag.attributeListMap();
    if (std::none_of(attributes.begin(), attributes.end(), [](const auto &item) { return item.second.size() > 1; }))
        return;
    for (const auto &[name, count] : names_behind_extension(stream)) {
        if (!attributes.contains(name))
            continue;
        ASF::AttributeList &values = attributes[name];
        if (count < values.size())
            std::rotate(values.begin(), std::next(values.begin(), values.size() - count), values.end());
    }
}

}  // namespace ctaglib
