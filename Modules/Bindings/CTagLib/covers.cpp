// Where MP4's covers lie.

// First: in it, `File` must not yet be MP4's.
#include <taglib/mp4atom.h>

#include "report.h"

using namespace TagLib;

namespace ctaglib {

ctaglib_range find_covers(MP4::File &file) {
    // Most have none, and the atoms need not be read again.
    if (file.tag() == nullptr || !file.tag()->contains("covr"))
        return {0, 0};
    MP4::Atoms atoms(&file);
    MP4::Atom *items = atoms.find("moov", "udta", "meta", "ilst");
    MP4::Atom *covers = items == nullptr ? nullptr : items->find("covr");
    if (covers == nullptr)
        return {0, 0};
    return {covers->offset, covers->offset + covers->length};
}

}  // namespace ctaglib
