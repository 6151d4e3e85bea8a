"""Countries of the sandbox's people: names of persons and shapes of phone numbers. Data only.

In a shape X is any digit, N is 2-9, other digits stand for themselves; shapes are national significant numbers.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A country: `groups` are lengths of digit groups when written nationally, `trunk` the prefix of national form."""

    code: str
    spellings: tuple[str, ...]
    dial: str
    trunk: str
    mobile: tuple[str, ...]
    fixed: tuple[str, ...]
    groups: tuple[int, ...]
    first: tuple[str, ...]
    last: tuple[str, ...]


def _place(
    code: str, spellings: str, dial: str, trunk: str, groups: str, mobile: str, fixed: str, first: str, last: str
) -> Place:
    return Place(
        code,
        tuple(spellings.split("|")),
        dial,
        trunk,
        tuple(mobile.split()),
        tuple(fixed.split()),
        tuple(map(int, groups)),
        tuple(first.split("|")),
        tuple(last.split("|")),
    )


AREA_CODES = (
    "201", "202", "206", "212", "213", "214", "215", "216", "301", "303", "305", "310", "312", "313", "314", "315",
    "317", "401", "402", "404", "405", "406", "407", "408", "410", "412", "414", "415", "419", "423", "425", "440",
    "501", "502", "503", "504", "505", "507", "508", "510", "512", "513", "515", "516", "518", "561", "602", "603",
    "605", "608", "609", "612", "614", "615", "617", "619", "702", "703", "704", "706", "708", "713", "714", "716",
    "717", "718", "720", "770", "773", "781", "801", "802", "803", "804", "805", "808", "812", "813", "814", "815",
    "816", "817", "818", "901", "903", "904", "907", "908", "909", "910", "912", "913", "914", "916", "917", "918",
    "919", "920", "925", "952", "954", "971", "972", "973",
)  # fmt: skip

UNITED_STATES = _place(
    "US", "United States|USA|US|United States of America", "1", "", "334", "212NXXXXXX", "212NXXXXXX",
    "James|Mary|Robert|Patricia|John|Jennifer|Michael|Linda|David|Elizabeth|William|Barbara|Richard|Susan|Joseph|Jessica|"
    "Thomas|Sarah|Christopher|Karen|Charles|Lisa|Daniel|Nancy|Matthew|Sandra|Anthony|Ashley|Mark|Emily|Steven|Kimberly|"
    "Andrew|Margaret|Kenneth|Donna|Joshua|Michelle|Kevin|Carol|Brian|Amanda|Tyrone|Latoya|Deshawn|Keisha|Miguel|Guadalupe|"
    "Wei|Mei|Priya|Arjun|Fatima|Omar|Mary Jo|J.R.|Siobhán|Zoë|Renée|Jean-Luc|O'Neal|D'Angelo",
    "Smith|Johnson|Williams|Brown|Jones|Garcia|Miller|Davis|Rodriguez|Martinez|Hernandez|Lopez|Gonzalez|Wilson|Anderson|"
    "Thomas|Taylor|Moore|Jackson|Martin|Lee|Perez|Thompson|White|Harris|Sanchez|Clark|Ramirez|Lewis|Robinson|Walker|Young|"
    "Allen|King|Wright|Scott|Torres|Nguyen|Hill|Flores|Green|Adams|Nelson|Baker|Hall|Rivera|Campbell|Mitchell|Carter|"
    "O'Brien|McDonald|St. John|Van Buren|De la Cruz|Smith-Jones|Kim|Patel|Cohen|Washington",
)  # fmt: skip

ABROAD = (
    _place("GB", "United Kingdom|UK|Great Britain|GB", "44", "0", "433",
           "740NXXXXXX 741NXXXXXX 742NXXXXXX", "2079NXXXXX 1614NXXXXX",
           "Oliver|Amelia|George|Isla|Harry|Ava|Rhys|Niamh|Callum|Eilidh",
           "Evans|Hughes|Campbell|Murray|Clarke|Patel|Khan"),
    _place("DE", "Germany|Deutschland|DE", "49", "0", "344",
           "1511NXXXXXX 1520NXXXXXX 170NXXXXXX 176NXXXXXXX", "302NXXXXXX 892NXXXXXX",
           "Jürgen|Käthe|Lukas|Anna-Lena|Björn|Sören|Heike|Günther|Ayşe|Mia",
           "Müller|Schröder|Weiß|Groß|Schäfer|von der Heide|Krüger|Öztürk|Köhler|Becker"),
    _place("FR", "France|FR", "33", "0", "12222",
           "61NXXXXXX 62NXXXXXX 66NXXXXXX", "142NXXXXX 472NXXXXX",
           "Élodie|François|Noël|Chloé|Jean-Pierre|Margaux|Loïc|Aïcha|Théo|Zoé",
           "Lefèvre|Dupont|Garçon|d'Artagnan|Benoît|Moreau|Dubois"),
    _place("ES", "Spain|España|ES", "34", "", "333",
           "61NXXXXXX 62NXXXXXX 65NXXXXXX", "914NXXXXX 934NXXXXX",
           "Íñigo|María José|José|Lucía|Álvaro|Begoña|Núria|Jordi",
           "Núñez|García Márquez|Ibáñez|Muñoz|Fernández|Peña"),
    _place("IT", "Italy|Italia|IT", "39", "", "334",
           "340NXXXXXX 347NXXXXXX 328NXXXXXX", "064NXXXXXX 024NXXXXXX",
           "Niccolò|Giulia|Matteo|Chiara|Alessandro|Donatella",
           "Rossi|D'Amico|De Luca|Esposito|Lo Presti|Bianchi"),
    _place("NL", "Netherlands|Nederland|NL", "31", "0", "234",
           "61NXXXXXX 62NXXXXXX 65NXXXXXX", "202NXXXXX 205NXXXXX",
           "Daan|Sanne|Joost|Fenna|Thijs|Marloes",
           "de Vries|van den Berg|'t Hart|Jansen|van 't Hof|IJsbrand"),
    _place("SE", "Sweden|Sverige|SE", "46", "0", "2322",
           "702NXXXXX 703NXXXXX 735NXXXXX 762NXXXXX", "8NXXXXXXX",
           "Åsa|Björn|Göran|Malin|Örjan|Linnéa",
           "Ångström|Sjöberg|Lindström|Öberg|Nyström"),
    _place("PL", "Poland|Polska|PL", "48", "", "333",
           "501NXXXXX 602NXXXXX 691NXXXXX", "222NXXXXX 124NXXXXX",
           "Łukasz|Małgorzata|Paweł|Agnieszka|Grzegorz|Żaneta",
           "Kowalska|Wójcik|Brzęczyszczykiewicz|Dąbrowski|Śliwa"),
    _place("UA", "Ukraine|Україна|UA", "380", "0", "234",
           "50NXXXXXX 67NXXXXXX 63NXXXXXX", "442NXXXXX",
           "Олена|Микита|Ганна|Микола|Соломія",
           "Шевченко|Коваленко|Бондаренко|Мельник"),
    _place("GR", "Greece|Ελλάδα|GR", "30", "", "334",
           "694NXXXXXX 697NXXXXXX", "210NXXXXXX",
           "Γιώργος|Ελένη|Νίκος|Μαρία",
           "Παπαδόπουλος|Οικονόμου|Γεωργίου"),
    _place("IL", "Israel|ישראל|IL", "972", "0", "234",
           "50NXXXXXX 52NXXXXXX 54NXXXXXX", "26XXXXXX 35XXXXXX",
           "נועה|איתי|יעל|דוד",
           "כהן|לוי|בן-דוד|מזרחי"),
    _place("AE", "United Arab Emirates|الإمارات|UAE", "971", "0", "234",
           "50NXXXXXX 55NXXXXXX", "42XXXXXX 43XXXXXX",
           "محمد|فاطمة|خالد|عائشة",
           "العلي|بن راشد|الهاشمي|حسن"),
    _place("IN", "India|भारत|IN", "91", "0", "55",
           "98NXXXXXXX 99NXXXXXXX 97NXXXXXXX", "112NXXXXXX 222NXXXXXX",
           "Aarav|Diya|आदित्य|Lakshmi|Vikram|प्रिया",
           "Sharma|Iyer|शर्मा|Venkataraghavan|Singh|Reddy"),
    _place("JP", "Japan|日本|JP", "81", "0", "244",
           "90NXXXXXXX 80NXXXXXXX", "33NXXXXXX",
           "陽菜|翔太|Yuki|さくら|健一",
           "佐藤|鈴木|Tanaka|高橋|渡辺"),
    _place("CN", "China|中国|CN", "86", "0", "344",
           "138NXXXXXXX 139NXXXXXXX 186NXXXXXXX", "216NXXXXXX",
           "伟|芳|Xiaoming|秀英",
           "王|李|张|Zhang|欧阳"),
    _place("KR", "South Korea|대한민국|KR", "82", "0", "244",
           "102NXXXXXX 104NXXXXXX", "22NXXXXXX",
           "민준|서연|지훈|하은",
           "김|이|박|Choi"),
    _place("AU", "Australia|AU", "61", "0", "333",
           "412NXXXXX 421NXXXXX 438NXXXXX", "292NXXXXX 396NXXXXX",
           "Lachlan|Matilda|Jack|Ruby",
           "Nguyen|O'Connor|Walker|Fitzgerald"),
    _place("BR", "Brazil|Brasil|BR", "55", "0", "254",
           "1199NXXXXXX 2198NXXXXXX", "113NXXXXXX 212NXXXXXX",
           "João|Conceição|Thiago|Letícia|Antônio",
           "da Silva|Gonçalves|dos Santos|Araújo|Assunção"),
    _place("MX", "Mexico|México|MX", "52", "", "244",
           "553NXXXXXX 818NXXXXXX 331NXXXXXX", "554NXXXXXX",
           "José Luis|Ximena|Ángel|Guadalupe",
           "Hernández|Núñez|López Obregón|Ramírez"),
    _place("CA", "Canada|CA", "1", "", "334",
           "416NXXXXXX 604NXXXXXX 514NXXXXXX", "416NXXXXXX 604NXXXXXX 514NXXXXXX",
           "Étienne|Hannah|Liam|Geneviève",
           "Tremblay|Gagné|MacLeod|Singh"),
)  # fmt: skip
