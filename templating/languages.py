# ruff: noqa: SIM905  (word lists read better as text)
"""Languages as prompts name them, for `slots.is_language`: widely written ones, by English and own name and ISO 639-1."""

_TEXT = """
    Afrikaans|Albanian|Shqip|Amharic|አማርኛ|Arabic|العربية|Armenian|Հայերեն|Azerbaijani|Azərbaycan|Basque|Euskara
    Belarusian|Беларуская|Bengali|বাংলা|Bosnian|Bosanski|Bulgarian|Български|Burmese|Catalan|Català|Chinese|中文|汉语|漢語
    Simplified Chinese|Traditional Chinese|简体中文|繁體中文|Mandarin|Cantonese|粤语|Croatian|Hrvatski|Czech|Čeština
    Danish|Dansk|Dutch|Nederlands|English|British English|American English|Esperanto|Estonian|Eesti|Filipino|Tagalog
    Finnish|Suomi|French|Français|Canadian French|Galician|Galego|Georgian|ქართული|German|Deutsch|Swiss German|Greek
    Ελληνικά|Gujarati|ગુજરાતી|Hausa|Hebrew|עברית|Hindi|हिन्दी|हिंदी|Hungarian|Magyar|Icelandic|Íslenska|Igbo|Indonesian
    Bahasa Indonesia|Irish|Gaeilge|Italian|Italiano|Japanese|日本語|Javanese|Kannada|ಕನ್ನಡ|Kazakh|Қазақ тілі|Khmer|ខ្មែរ
    Korean|한국어|Kurdish|Kyrgyz|Lao|ລາວ|Latin|Latvian|Latviešu|Lithuanian|Lietuvių|Macedonian|Македонски|Malay
    Bahasa Melayu|Malayalam|മലയാളം|Maltese|Malti|Marathi|मराठी|Mongolian|Монгол|Nepali|नेपाली|Norwegian|Norsk|Bokmål
    Nynorsk|Pashto|Persian|Farsi|فارسی|Polish|Polski|Portuguese|Português|Brazilian Portuguese|European Portuguese
    Punjabi|ਪੰਜਾਬੀ|Romanian|Română|Russian|Русский|Serbian|Српски|Sinhala|සිංහල|Slovak|Slovenčina|Slovene|Slovenian
    Slovenščina|Somali|Spanish|Español|Latin American Spanish|Mexican Spanish|Swahili|Kiswahili|Swedish|Svenska|Tamil
    தமிழ்|Telugu|తెలుగు|Thai|ไทย|Tibetan|Turkish|Türkçe|Ukrainian|Українська|Urdu|اردو|Uzbek|Oʻzbek|Vietnamese
    Tiếng Việt|Welsh|Cymraeg|Yiddish|Yoruba|Zulu|isiZulu
"""

NAMES = frozenset(name.strip().casefold() for line in _TEXT.strip().split("\n") for name in line.split("|"))

CODES = frozenset(
    "af am ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gl gu ha he hi hr hu hy id ig is it ja jv ka "
    "kk km kn ko ku ky la lo lt lv mk ml mn mr ms mt my ne nl no pa pl ps pt ro ru si sk sl so sq sr sv sw ta te th tl "
    "tr uk ur uz vi yi yo zh zu".split()
)
