#include "stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace ctaglib {

DescriptorStream::DescriptorStream(int descriptor, const ctaglib_range *present, size_t present_count)
    : descriptor_(descriptor), present_(present), present_count_(present_count),
      size_(lseek(descriptor, 0, SEEK_END)) {
    if (size_ < 0)
        error_ = errno;
}

size_t DescriptorStream::present_at(int64_t offset, size_t count) const {
    if (present_ == nullptr)
        return count;
    for (size_t index = 0; index < present_count_; ++index) {
        const ctaglib_range &range = present_[index];
        if (offset >= range.start && offset < range.end)
            return static_cast<size_t>(std::min<int64_t>(range.end - offset, static_cast<int64_t>(count)));
    }
    return 0;
}

size_t DescriptorStream::read_direct(int64_t offset, uint8_t *target, size_t count) {
    count = present_at(offset, count);
    size_t done = 0;
    while (done < count) {
        ssize_t got = pread(descriptor_, target + done, count - done, offset + static_cast<int64_t>(done));
        if (got == 0)
            break;
        if (got > 0) {
            done += static_cast<size_t>(got);
        } else if (errno != EINTR) {
            if (error_ == 0)
                error_ = errno;
            break;
        }
    }
    return done;
}

const DescriptorStream::Window &DescriptorStream::window_at(int64_t start) {
    Window *oldest = &windows_[0];
    for (Window &window : windows_) {
        if (window.start == start) {
            window.used = ++clock_;
            return window;
        }
        if (window.used < oldest->used)
            oldest = &window;
    }
    oldest->bytes.resize(window_size);
    oldest->start = start;
    oldest->used = ++clock_;
    oldest->count = read_direct(start, oldest->bytes.data(), window_size);
    return *oldest;
}

size_t DescriptorStream::read_at(int64_t offset, void *target, size_t count) {
    if (offset < 0 || offset >= size() || error_ != 0 || need_.end > 0)
        return 0;
    count = static_cast<size_t>(std::min(static_cast<int64_t>(std::min<size_t>(count, INT64_MAX)), size() - offset));
    auto *bytes = static_cast<uint8_t *>(target);
    if (present_ != nullptr) {
        // Ranges that touch are one in the table, so that what is not whole in one is missing something.
        size_t there = present_at(offset, count);
        if (there < count) {
            need_ = {offset + static_cast<int64_t>(there), offset + static_cast<int64_t>(count)};
            return 0;
        }
    }
    if (count >= 2 * window_size)
        return read_direct(offset, bytes, count);
    size_t done = 0;
    while (done < count) {
        int64_t at = offset + static_cast<int64_t>(done);
        int64_t start = at - at % static_cast<int64_t>(window_size);
        // A window that begins in a hole has nothing to offer for what lies behind it.
        if (present_at(start, 1) == 0)
            return done + read_direct(at, bytes + done, count - done);
        const Window &window = window_at(start);
        auto within = static_cast<size_t>(at - start);
        if (present_ != nullptr && within + 1 > window.count)
            return done + read_direct(at, bytes + done, count - done);
        if (within >= window.count)
            break;
        size_t part = std::min(count - done, window.count - within);
        memcpy(bytes + done, window.bytes.data() + within, part);
        done += part;
    }
    return done;
}

TagLib::ByteVector DescriptorStream::readBlock(unsigned long length) {
    int64_t left = std::max<int64_t>(0, size() - position_);
    // A damaged length is clamped before anything is allocated.
    auto count = static_cast<unsigned>(std::min<uint64_t>({length, static_cast<uint64_t>(left), 256u << 20}));
    TagLib::ByteVector block(count, 0);
    size_t got = count == 0 ? 0 : read_at(position_, block.data(), count);
    block.resize(static_cast<unsigned>(got));
    position_ += static_cast<int64_t>(got);
    return block;
}

namespace {

int64_t target(int64_t position, int64_t size, long offset, TagLib::IOStream::Position from) {
    int64_t base = from == TagLib::IOStream::Beginning ? 0 : from == TagLib::IOStream::Current ? position : size;
    int64_t result = 0;
    if (__builtin_add_overflow(base, static_cast<int64_t>(offset), &result))
        return position;
    return std::max<int64_t>(0, result);
}

}  // namespace

void DescriptorStream::seek(long offset, Position from) { position_ = target(position_, size(), offset, from); }

TagLib::ByteVector AudiolessStream::readBlock(unsigned long length) {
    auto left = static_cast<uint64_t>(std::max<int64_t>(0, this->length() - position_));
    auto rest = std::min<uint64_t>(length, left);
    TagLib::ByteVector result;
    if (position_ < start_) {
        stream_.seek(position_, Beginning);
        result = stream_.readBlock(std::min(rest, static_cast<uint64_t>(start_ - position_)));
    }
    rest -= result.size();
    auto reached = position_ + static_cast<int64_t>(result.size());
    if (rest > 0 && reached >= start_) {
        stream_.seek(reached + hidden_, Beginning);
        result.append(stream_.readBlock(rest));
    }
    position_ += static_cast<int64_t>(result.size());
    return result;
}

void AudiolessStream::seek(long offset, Position from) { position_ = target(position_, length(), offset, from); }

}  // namespace ctaglib
