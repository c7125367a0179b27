/// Reads every track of DIR/library with Mutagen, which shares no code with TagLib, and compares it with DIR/m.jsonl.
let tagCheck = #"""
    import json, os, sys, mutagen

    XIPH = dict(title="title", artist="artist", album="album", album_artist="albumartist", genre="genre", date="date",
        track="tracknumber", track_total="tracktotal", disc="discnumber", disc_total="disctotal",
        compilation="compilation", label="label", musicbrainz_recording_id="musicbrainz_trackid",
        musicbrainz_album_id="musicbrainz_albumid", replaygain_track_gain="replaygain_track_gain",
        replaygain_track_peak="replaygain_track_peak")
    ID3 = dict(title="TIT2", artist="TPE1", album="TALB", album_artist="TPE2", date="TDRC", track="TRCK", disc="TPOS",
        compilation="TCMP", label="TPUB", musicbrainz_album_id="TXXX:MUSICBRAINZ ALBUM ID",
        replaygain_track_gain="TXXX:REPLAYGAIN_TRACK_GAIN", replaygain_track_peak="TXXX:REPLAYGAIN_TRACK_PEAK")
    MP4 = dict(title="\xa9nam", artist="\xa9ART", album="\xa9alb", album_artist="aART", genre="\xa9gen", date="\xa9day",
        label="----:com.apple.iTunes:LABEL", musicbrainz_recording_id="----:com.apple.iTunes:MusicBrainz Track Id",
        musicbrainz_album_id="----:com.apple.iTunes:MusicBrainz Album Id",
        replaygain_track_gain="----:com.apple.iTunes:REPLAYGAIN_TRACK_GAIN",
        replaygain_track_peak="----:com.apple.iTunes:REPLAYGAIN_TRACK_PEAK")
    APE = dict(title="title", artist="artist", album="album", album_artist="album artist", genre="genre", date="year",
        track="track", disc="disc", compilation="compilation", label="label",
        musicbrainz_recording_id="musicbrainz_trackid", musicbrainz_album_id="musicbrainz_albumid",
        replaygain_track_gain="replaygain_track_gain", replaygain_track_peak="replaygain_track_peak")

    def split(tags):
        for field in ("track", "disc"):
            value = tags.get(field, [""])[0]
            if "/" in value:
                number, total = value.split("/", 1)
                tags[field], tags[field + "_total"] = [number], [total]
        return tags

    def read(path, format):
        file = mutagen.File(path)
        tags = file.tags if file.tags is not None else {}
        if format in ("flac", "ogg", "opus"):
            cover = "metadata_block_picture" in tags or bool(getattr(file, "pictures", []))
            return {f: list(tags[k]) for f, k in XIPH.items() if k in tags}, cover
        if format == "wv":
            found = {f: str(tags[k]).split("\0") for f, k in APE.items() if k in tags}
            return split(found), "cover art (front)" in tags
        if format == "m4a":
            found = {}
            for field, key in MP4.items():
                if key in tags:
                    found[field] = [v.decode() if isinstance(v, bytes) else str(v) for v in tags[key]]
            for field, key in (("track", "trkn"), ("disc", "disk")):
                if key in tags:
                    number, total = tags[key][0]
                    found[field], found[field + "_total"] = [str(number)], [str(total)]
            if tags.get("cpil"):
                found["compilation"] = ["1"]
            return found, "covr" in tags
        found = {f: [str(v) for v in tags[k].text] for f, k in ID3.items() if k in tags}
        if "TCON" in tags:
            found["genre"] = tags["TCON"].genres
        if "UFID:http://musicbrainz.org" in tags:
            found["musicbrainz_recording_id"] = [tags["UFID:http://musicbrainz.org"].data.decode()]
        return split(found), bool(tags.getall("APIC")) if tags else False

    root = os.fsencode(sys.argv[1])
    count, mismatches, formats = 0, 0, set()
    for line in open(os.path.join(root, b"m.jsonl")):
        entry = json.loads(line)
        if entry["kind"] not in ("track", "hidden"):
            continue
        path = bytes.fromhex(entry["path_hex"]) if "path_hex" in entry else entry["path"].encode()
        found, cover = read(os.fsdecode(os.path.join(root, b"library", path)), entry["format"])
        wanted = {f: [v for v in values if v] for f, values in entry["tags"].items()}
        wanted = {f: values for f, values in wanted.items() if values}
        found = {f: [v for v in values if v] for f, values in found.items() if any(values)}
        if found != wanted or cover != entry.get("has_cover", False):
            if mismatches < 5:
                print(path, "has", found, cover, "and not", wanted)
            mismatches += 1
        else:
            count += 1
            formats.add(entry["format"])
    print(count, "tracks of", len(formats), "formats agree")
    """#

/// Compares the paths in DIR/m.jsonl with the files below DIR/library.
let pathCheck = #"""
    import json, os, sys
    root = os.fsencode(sys.argv[1])
    listed = []
    for line in open(os.path.join(root, b"m.jsonl")):
        entry = json.loads(line)
        listed.append(bytes.fromhex(entry["path_hex"]) if "path_hex" in entry else entry["path"].encode())
    library = os.path.join(root, b"library")
    there = [os.path.relpath(os.path.join(d, f), library) for d, _, files in os.walk(library) for f in files]
    for path in set(listed) ^ set(there):
        print(path)
    if len(listed) != len(set(listed)):
        print("a path is listed twice")
    """#
