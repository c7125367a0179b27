/// A writing system of the catalogue, with what its invented words are made of.
package enum Script: Int, CaseIterable, Hashable, Sendable {
    case latin, diacritics, cyrillic, greek, cjk, hangul, hebrew, arabic

    /// How many words the vocabulary holds: 50,000 over all scripts.
    var wordCount: Int {
        switch self {
        case .latin: 26_000
        case .diacritics: 8_000
        case .cyrillic: 5_000
        case .greek: 2_500
        case .cjk: 4_000
        case .hangul: 1_500
        case .hebrew: 1_500
        case .arabic: 1_500
        }
    }

    /// How many of 100 artists write in it.
    var weight: Double {
        switch self {
        case .latin: 62
        case .diacritics: 14
        case .cyrillic: 7
        case .greek: 3
        case .cjk: 6
        case .hangul: 3
        case .hebrew: 2
        case .arabic: 3
        }
    }

    /// What stands between two words.
    var separator: String { self == .cjk ? "" : " " }

    var phonologies: [Phonology] {
        switch self {
        case .latin:
            [
                Phonology(
                    "b c d f g h j k l m n p r s t v w z br cr dr fl gr pl st tr sh ch th _",
                    "a e i o u ai ea ou ie oo",
                    "_ _ _ n r l s t m d k nd st ck ng")
            ]
        case .diacritics:
            [
                Phonology(
                    "b č d f g h j k l ł m n ñ p r ř s š ś t v ž ç þ ð",
                    "a e i o u á à ä â å ã é è ê ë í î ï ó ô ö õ ø ú û ü ý æ œ ą ę ı ő ű ă ế ữ",
                    "_ _ n r ß ń l s š")
            ]
        case .cyrillic:
            [
                Phonology(
                    "б в г д ж з к л м н п р с т х ц ч ш щ ст пр", "а е ё и о у ы э ю я і ї", "_ _ й к л н р с т ть ль")
            ]
        case .greek:
            [Phonology("β γ δ ζ θ κ λ μ ν ξ π ρ σ τ φ χ ψ", "α ε η ι ο υ ω ά έ ή ί ό ύ ώ ϊ", "_ ς ν ρ")]
        case .cjk:
            [
                Phonology(
                    """
                    天 地 山 川 海 風 花 月 星 空 雨 雪 夜 光 心 夢 愛 春 夏 秋 冬 東 西 南 北 水 火 木 金 土 人 声 歌 音 時 道 町 国 家 門
                    石 鳥 魚 龍 虎 馬 白 黒 赤 青 緑 紫 新 古 大 小 高 長 明 暗 美 静 深 遠 近 生 死 永 遙 遥 忘 想 記 憶 旅 途 世 界 城 市
                    """, "_", "_"),
                Phonology("カ キ ク ケ コ サ シ ス タ チ テ ト ナ ニ ノ ハ ヒ マ ミ メ ラ リ ル ロ", "_ _ ー ッ", "_ ン ガ ド"),
                Phonology("か き く け こ さ し す た ち て と な に の は ひ ま み め ら り る ろ", "_ い う", "_ ん"),
            ]
        case .hangul:
            [Phonology("가 나 다 라 마 바 사 아 자 차 카 타 파 하 고 노 도 로 모 보 소 오 조 구 누 두 수 우 기 니 디 리 미 시 이", "_", "_ _ 는 을 길 달 별 꽃")]
        case .hebrew:
            [Phonology("א ב ג ד ה ז ח ט כ ל מ נ ס ע פ צ ק ר ש ת", "_ ו י א", "_ ה ים ות")]
        case .arabic:
            [Phonology("ب ت ث ج ح خ د ر ز س ش ص ط ع غ ف ق ك ل م ن ه", "_ ا و ي", "_ ة ان ين")]
        }
    }
}

/// The sounds that words are made of: syllables of onset and nucleus, and one coda at the word's end.
struct Phonology {
    let onsets: [String]
    let nuclei: [String]
    let codas: [String]

    /// Lists parted by white space, in which `_` is the empty sound.
    init(_ onsets: String, _ nuclei: String, _ codas: String) {
        func list(_ text: String) -> [String] {
            text.split { $0 == " " || $0 == "\n" }.map { $0 == "_" ? "" : String($0) }
        }
        self.onsets = list(onsets)
        self.nuclei = list(nuclei)
        self.codas = list(codas)
    }

    func word(syllables: Int, _ random: inout SeededRandom) -> String {
        var word = ""
        for _ in 0..<syllables {
            word += onsets[random.below(onsets.count)]
            word += nuclei[random.below(nuclei.count)]
        }
        return word + codas[random.below(codas.count)]
    }
}
