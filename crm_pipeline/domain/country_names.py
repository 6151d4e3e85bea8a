"""Countries as people write them: ISO 3166 codes, English names, names in the country's languages and six others.

One record a country: `alpha-2 alpha-3 name|name|…`, continued on indented lines. Only regions with a numbering plan.
The names are those of Java's locales (phonenumbers ships them too, in a form too heavy to import) with usual aliases
added. A name that two countries share (Congo) is left out: no guess.
"""

COUNTRIES = """\
AC ASC Ascension Island|Ascension
AD AND Andorra|Andorre|Principality of Andorra
AE ARE United Arab Emirates|Vereinigte Arabische Emirate|Emirats Arabes Unis|Emiratos Árabes Unidos|
    Emirati Arabi Uniti|Emirados Árabes Unidos|Verenigde Arabische Emiraten|الإمارات|UAE|U.A.E.|Emirates|VAE|EAU|
    الإمارات العربية المتحدة
AF AFG Afghanistan|Afganistán|Afeganistão|Islamic Republic of Afghanistan|افغانستان
AG ATG Antigua and Barbuda|Antigua und Barbuda|Antigua et Barbuda|Antigua y Barbuda|Antigua e Barbuda|
    Antigua en Barbuda
AI AIA Anguilla|Anguila
AL ALB Albania|Albanien|Albanie|Republic of Albania|Shqipëria
AM ARM Armenia|Armenien|Arménie|Republic of Armenia|Հայաստան|Hayastan|Армения
AO AGO Angola|Republic of Angola
AR ARG Argentina|Argentinien|Argentine|Argentinië|Argentine Republic|República Argentina
AS ASM American Samoa|Amerikanisch-Samoa|Samoa américaines|Samoa Americana|Samoa americane|Amerikaans Samoa
AT AUT Austria|Österreich|Autriche|Oostenrijk|Republic of Austria|Republik Österreich
AU AUS Australia|Australien|Australie|Commonwealth of Australia|Австралия|澳大利亚|オーストラリア
AW ABW Aruba
AX ALA Åland Islands|Aaland-Inseln|Îles Åland|Islas Aland|Isole Aland|Ilhas Aland|Alandeilanden|Åland
AZ AZE Azerbaijan|Aserbaidschan|Azerbaïdjan|Azerbaiyán|Azerbaigian|Azerbaijão|Azerbeidzjan|Republic of Azerbaijan|
    Azərbaycan|Азербайджан
BA BIH Bosnia and Herzegovina|Bosnien und Herzegowina|Bosnie-Herzégovine|Bosnia y Hercegovina|Bosnia-Erzegovina|
    Bósnia-Herzegovina|Bosnië en Herzegovina|Republic of Bosnia and Herzegovina|Босна и Херцеговина|Bosnia|
    Bosna i Hercegovina
BB BRB Barbados|Barbade
BD BGD Bangladesh|Bangladesch|People's Republic of Bangladesh|বাংলাদেশ
BE BEL Belgium|Belgien|Belgique|Bélgica|Belgio|België|Kingdom of Belgium|België / Belgique
BF BFA Burkina Faso|Burquina Faso
BG BGR Bulgaria|Bulgarien|Bulgarie|Bulgarije|Republic of Bulgaria|България
BH BHR Bahrain|Bahreïn|Kingdom of Bahrain|البحرين
BI BDI Burundi|Republic of Burundi
BJ BEN Benin|Republic of Benin
BL BLM Saint Barthélemy|San Bartolomé|São Bartolomeu
BM BMU Bermuda|Bermudes|Bermudas
BN BRN Brunei Darussalam|Brunei
BO BOL Bolivia|Bolivien|Bolivie|Bolivia, Plurinational State of|Plurinational State of Bolivia
BQ BES Bonaire, Sint Eustatius and Saba|Bonaire, Sint Eustatius und Saba|Bonaire, Saint-Eustache et Saba|
    Bonaire, San Eustaquio y Saba|Bonaire, Sint Eustatius e Saba|Bonaire|Caribbean Netherlands
BR BRA Brazil|Brasilien|Brésil|Brasil|Brasile|Brazilië|Federative Republic of Brazil|República Federativa do Brasil|
    Бразилия|巴西|ブラジル
BS BHS Bahamas|Bahama’s|Commonwealth of the Bahamas|The Bahamas
BT BTN Bhutan|Bhoutan|Bután|Butão|Kingdom of Bhutan|འབྲུག
BW BWA Botswana|Botsuana|Republic of Botswana
BY BLR Belarus|Biélo-Russie|Bielorrusia|Bielorussia|Wit-Rusland|Republic of Belarus|Беларусь|Weißrussland|Belorussia
BZ BLZ Belize|Belice
CA CAN Canada|Kanada|Канада|加拿大|カナダ
CC CCK Cocos (Keeling) Islands|Cocos Islands|Kokos-Inseln|Îles Cocos|Islas Cocos|Isole Cocos|Ilhas Coco|Cocoseilanden
CD COD Congo, The Democratic Republic of the|The Democratic Republic Of Congo|Demokratische Republik Kongo|
    République démocratique du Congo|República Democrática del Congo|Repubblica democratica del Congo|Congo-Kinshasa|
    DR Congo|DRC|Democratic Republic of the Congo|Congo, Democratic Republic of the|RDC
CF CAF Central African Republic|Zentralafrikanische Republik|République Centre-Africaine|República Centroafricana|
    Repubblica Centrafricana|República Centro-Africana|Centraal-Afrikaanse Republiek
CG COG Kongo|Congo - Brazzaville|Republic of the Congo|Congo, Republic of the
CH CHE Switzerland|Schweiz|Suisse|Suiza|Svizzera|Suíça|Zwitserland|Swiss Confederation|Svizra|Confoederatio Helvetica|
    Швейцария|スイス|瑞士
CI CIV Côte d'Ivoire|Elfenbeinküste|Costa de Marfil|Costa d'Avorio|Costa do Marfim|Ivoorkust|
    Republic of Côte d'Ivoire|Ivory Coast
CK COK Cook Islands|Cook-Inseln|Îles Cook|Islas Cook|Isole Cook|Ilhas Cook|Cookeilanden
CL CHL Chile|Chili|Cile|Republic of Chile
CM CMR Cameroon|Kamerun|Cameroun|Camerún|República dos Camarões|Kameroen|Republic of Cameroon
CN CHN China|Chine|Cina|People's Republic of China|中国|PR China|P.R. China|PRC|Mainland China|中国大陆|
    中華人民共和国|中國|China, People's Republic of
CO COL Colombia|Kolumbien|Colombie|Republic of Colombia
CR CRI Costa Rica|Republic of Costa Rica
CU CUB Cuba|Kuba|Republic of Cuba
CV CPV Cabo Verde|Cape Verde|Kap Verde|Cap Vert|Capo Verde|Kaapverdië|Republic of Cabo Verde
CW CUW Curaçao
CX CXR Christmas Island|Weihnachtsinsel|Île Christmas|Isla Christmas|Isola di Natale|Ilhas Natal|Christmaseiland
CY CYP Cyprus|Zypern|Chypre|Chipre|Cipro|Republic of Cyprus|Κύπρος|Kıbrıs|Kypros
CZ CZE Czechia|Czech Republic|Tschechische Republik|République Tchèque|Chequia|Repubblica Ceca|República Tcheca|
    Tsjechië|Česká republika|Česko|Tschechien|Tchéquie|Cechia|Tchécoslovaquie
DE DEU Germany|Deutschland|Allemagne|Alemania|Germania|Alemanha|Duitsland|Federal Republic of Germany|BRD|
    Bundesrepublik Deutschland|FRG|Германия|ドイツ|德国|독일|Almanya|Niemcy|ألمانيا
DJ DJI Djibouti|Dschibuti|Yibuti|Gibuti|Djibuti|Republic of Djibouti
DK DNK Denmark|Dänemark|Dinamarca|Danimarca|Denemarken|Kingdom of Denmark|Danmark
DM DMA Dominica|Dominique|Commonwealth of Dominica
DO DOM Dominican Republic|Dominikanische Republik|République Dominicaine|República Dominicana|Repubblica Dominicana|
    Dominicaanse Republiek|Rep. Dominicana|Dom. Rep.
DZ DZA Algeria|Algerien|Algérie|Argelia|Algerije|People's Democratic Republic of Algeria|الجزائر
EC ECU Ecuador|Equateur|Equador|Republic of Ecuador
EE EST Estonia|Estland|Estonie|Republic of Estonia|Eesti
EG EGY Egypt|Ägypten|Egypte|Egipto|Egitto|Egito|Arab Republic of Egypt|مصر|جمهورية مصر العربية
EH ESH Western Sahara|Westsahara|Sahara Occidental|Sahara Occidentale|Saara Ocidental|Westelijke Sahara
ER ERI Eritrea|Erythrée|Eritreia|the State of Eritrea
ES ESP Spain|Spanien|Espagne|España|Spagna|Espanha|Spanje|Kingdom of Spain|Espanya|Испания|スペイン|西班牙
ET ETH Ethiopia|Äthiopien|Ethiopie|Etiopía|Federal Democratic Republic of Ethiopia|ኢትዮጵያ
FI FIN Finland|Finnland|Finlande|Finlandia|Republic of Finland|Suomi
FJ FJI Fiji|Fidschi|Fidji|Fiyi|Figi|Republic of Fiji
FK FLK Falkland Islands (Malvinas)|Falkland Islands|Falkland-Inseln|Îles Malouines|Islas Malvinas|Isole Falkland|
    Ilhas Malvinas|Falklandeilanden|Malvinas
FM FSM Micronesia, Federated States of|Micronesia|Mikronesien|Micronésie|Federated States of Micronesia
FO FRO Faroe Islands|Färöer-Inseln|Îles Féroé|Islas Feroe|Isole Færoer|Ilhas Faroe|Faeröer
FR FRA France|Frankreich|Francia|França|Frankrijk|French Republic|France métropolitaine|Франция|フランス|法国|프랑스|
    فرنسا
GA GAB Gabon|Gabun|Gabão|Gabonese Republic
GB GBR United Kingdom|Vereinigtes Königreich|Royaume-Uni|Reino Unido|Regno Unito|Verenigd Koninkrijk|
    United Kingdom of Great Britain and Northern Ireland|UK|U.K.|Great Britain|Britain|England|Scotland|Wales|
    Northern Ireland|Großbritannien|England and Wales|Grande-Bretagne|Angleterre|Inglaterra|Gran Bretagna|Inghilterra|
    Groot-Brittannië|Engeland|Великобритания|イギリス|英国|英國|영국|المملكة المتحدة|İngiltere|Wielka Brytania|
    Storbritannien|Storbritannia|Gran Bretaña|Grã-Bretanha
GD GRD Grenada|Grenade|Granada
GE GEO Georgia|Georgien|Géorgie|საქართველო|Sakartvelo|Грузия
GF GUF French Guiana|Französisch-Guayana|Guyane française|Guayana Francesa|Guayana Francese|Guiana Francesa|
    Frans-Guyana
GG GGY Guernsey|Guernesey
GH GHA Ghana|Gana|Republic of Ghana
GI GIB Gibraltar|Gibilterra
GL GRL Greenland|Grönland|Groenland|Groenlandia
GM GMB Gambia|Gambie|Republic of the Gambia|The Gambia
GN GIN Guinea|Guinée|Guiné|Republic of Guinea
GP GLP Guadeloupe|Guadalupe|Guadalupa
GQ GNQ Equatorial Guinea|Äquatorial-Guinea|Guinée Equatoriale|Guinea Ecuatorial|Guinea Equatoriale|Guiné Equatorial|
    Equatoriaal-Guinea|Republic of Equatorial Guinea
GR GRC Greece|Griechenland|Grèce|Grecia|Griekenland|Hellenic Republic|Ελλάδα|Hellas|EL|Ελλάς
GT GTM Guatemala|Republic of Guatemala
GU GUM Guam
GW GNB Guinea-Bissau|Guinée-Bissau|Guiné Bissau|Republic of Guinea-Bissau
GY GUY Guyana|Guiana|Republic of Guyana
HK HKG Hong Kong|Hongkong|Hong Kong, Região Admin. Especial da China|Hongkong SAR van China|
    Hong Kong Special Administrative Region of China|香港|Hong Kong SAR|Hong Kong S.A.R.|Hong Kong SAR China
HN HND Honduras|Republic of Honduras
HR HRV Croatia|Kroatien|Croatie|Croacia|Croazia|Kroatië|Republic of Croatia|Hrvatska
HT HTI Haiti|Republic of Haiti
HU HUN Hungary|Ungarn|Hongrie|Hungría|Ungheria|Hongarije|Magyarország
ID IDN Indonesia|Indonesien|Indonésie|Republic of Indonesia
IE IRL Ireland|Irland|Irlande|Irlanda|Ierland|Éire|Republic of Ireland
IL ISR Israel|Israele|State of Israel|ישראל
IM IMN Isle of Man|Ile de Man|Isla de Man|Isola di Man|Ilha de Man
IN IND India|Indien|Inde|Republic of India|भारत|Bharat
IO IOT British Indian Ocean Territory|Britische Territorien im Indischen Ozean|
    Territoires britanniques de l'Océan Indien|Territorio Británico del Océano Índico|
    Territorio britannico dell'Oceano Indiano|Território Britânico do Oceano Índico|
    Britse Gebieden in de Indische Oceaan
IQ IRQ Iraq|Irak|Iraque|Republic of Iraq|العراق
IR IRN Iran|Irã|Iran, Islamic Republic of|Islamic Republic of Iran|ایران|Persia
IS ISL Iceland|Island|Islande|Islandia|Islanda|IJsland|Republic of Iceland
IT ITA Italy|Italien|Italie|Italia|Italian Republic|Италия|イタリア|意大利
JE JEY Jersey
JM JAM Jamaica|Jamaika|Jamaïque|Giamaica
JO JOR Jordan|Jordanien|Jordanie|Jordania|Giordania|Hashemite Kingdom of Jordan|الأردن
JP JPN Japan|Japon|Giappone|Japão|日本|日本国|Nippon|Nihon|Япония
KE KEN Kenya|Kenia|Quênia|Republic of Kenya
KG KGZ Kyrgyzstan|Kirgistan|Kirguizistán|Kirghizistan|Quirguistão|Kirgizië|Kyrgyz Republic|Киргизстан|Кыргызстан
KH KHM Cambodia|Kambodscha|Cambodge|Camboya|Cambogia|Camboja|Cambodja|Kingdom of Cambodia|កម្ពុជា
KI KIR Kiribati|Quiribati|Republic of Kiribati
KM COM Comoros|Komoren|Comores|Comore|Comoren|Union of the Comoros
KN KNA Saint Kitts and Nevis|Saint Kitts und Nevis|Saint-Christophe-et-Niévès|San Cristóbal y Nieves|
    Saint Kitts e Nevis|São Cristovão e Nevis|Saint Kitts en Nevis|St Kitts and Nevis
KP PRK North Korea|Nordkorea|Corée du Nord|Corea del Norte|Corea del Nord|Coreia do Norte|Noord-Korea|
    Korea, Democratic People's Republic of|Democratic People's Republic of Korea|DPRK
KR KOR South Korea|Südkorea|Corée du Sud|Corea del Sur|Corea del Sud|Coreia do Sul|Zuid-Korea|Korea, Republic of|
    대한민국|Korea|Republic of Korea|Korea, South|한국|韓国|韩国
KW KWT Kuwait|Koweit|Koeweit|State of Kuwait|الكويت
KY CYM Cayman Islands|Kaiman-Inseln|Îles Caïmans|Islas Caimán|Isole Cayman|Ilhas Caiman|Caymaneilanden
KZ KAZ Kazakhstan|Kasachstan|Kazajstán|Casaquistão|Kazachstan|Republic of Kazakhstan|Казахстан|Қазақстан|Qazaqstan
LA LAO Laos|República Popular Democrática do Laos|Lao People's Democratic Republic|Lao PDR|ລາວ
LB LBN Lebanon|Libanon|Liban|Líbano|Lebanese Republic|لبنان
LC LCA Saint Lucia|St. Lucia|Sainte-Lucie|Santa Lucia|Sainte Lucia
LI LIE Liechtenstein|Principality of Liechtenstein
LK LKA Sri Lanka|Democratic Socialist Republic of Sri Lanka|ශ්‍රී ලංකා|இலங்கை
LR LBR Liberia|Republic of Liberia
LS LSO Lesotho|Lesoto|Kingdom of Lesotho
LT LTU Lithuania|Litauen|Lithuanie|Lituania|Litouwen|Republic of Lithuania|Lietuva
LU LUX Luxembourg|Luxemburg|Luxemburgo|Lussemburgo|Grand Duchy of Luxembourg|Lëtzebuerg
LV LVA Latvia|Lettland|Lettonie|Letonia|Lettonia|Letland|Republic of Latvia|Latvija
LY LBY Libya|Libyen|Libye|Libia|Libië|ليبيا|Libyan Arab Jamahiriya
MA MAR Morocco|Marokko|Maroc|Marruecos|Marocco|Marrocos|Kingdom of Morocco|المغرب
MC MCO Monaco|Principality of Monaco
MD MDA Moldova|Moldau|Moldavie|Moldavia|Moldova, Republic of|Republic of Moldova
ME MNE Montenegro|Crna Gora|Црна Гора
MF MAF Saint Martin (French part)|Saint Martin|St. Martin|San Martín|São Martinho
MG MDG Madagascar|Madagaskar|Republic of Madagascar
MH MHL Marshall Islands|Marshall-Inseln|Îles Marshall|Islas Marshall|Isole Marshall|Ilhas Marshall|Marshalleilanden|
    Republic of the Marshall Islands
MK MKD North Macedonia|Macedonia|Mazedonien|Macédoine|Macedonië|Republic of North Macedonia|Македонија|Nordmazedonien|
    FYROM|Macédoine du Nord|Macedonia del Norte|Северна Македонија
ML MLI Mali|Republic of Mali
MM MMR Myanmar|Mianmar [Birmânia]|Republic of Myanmar|Burma|Myanmar (Burma)|Birma|Birmanie|မြန်မာ
MN MNG Mongolia|Mongolei|Mongolie|Монгол Улс|Монгол|Mongol
MO MAC Macao|Macau, Região Admin. Especial da China|Macao SAR van China|Macao Special Administrative Region of China|
    澳门特区|Macau|Macao SAR|澳門
MP MNP Northern Mariana Islands|Nördliche Mariannen-Inseln|Îles Mariannes du Nord|Islas Marianas del Norte|
    Isole Marianne settentrionali|Ilhas Marianas do Norte|Noordelijke Marianeneilanden|
    Commonwealth of the Northern Mariana Islands
MQ MTQ Martinique|Martinica
MR MRT Mauritania|Mauretanien|Mauritanie|Islamic Republic of Mauritania
MS MSR Montserrat
MT MLT Malta|Malte|Republic of Malta
MU MUS Mauritius|Maurice|Mauricio|Maurizio|Republic of Mauritius
MV MDV Maldives|Maldiven|Maldivas|Maldive|Republic of Maldives|ދިވެހިރާއްޖެ
MW MWI Malawi|Malaui|Republic of Malawi
MX MEX Mexico|Mexiko|Mexique|Messico|United Mexican States|Méjico|Estados Unidos Mexicanos
MY MYS Malaysia|Malaisie|Malasia|Maleisië
MZ MOZ Mozambique|Mosambik|Mozambico|Moçambique|Republic of Mozambique
NA NAM Namibia|Namibie|Republic of Namibia
NC NCL New Caledonia|Neukaledonien|Nouvelle-Calédonie|Nueva Caledonia|Nuova Caledonia|Nova Caledônia|Nieuw-Caledonië
NE NER Niger|Republic of the Niger
NF NFK Norfolk Island|Norfolk-Insel|Île Norfolk|Isla Norfolk|Isola Norfolk|Ilha Norfolk|Norfolkeiland
NG NGA Nigeria|Federal Republic of Nigeria
NI NIC Nicaragua|Republic of Nicaragua
NL NLD Netherlands|Niederlande|Pays-Bas|Holanda|Paesi Bassi|Nederland|Kingdom of the Netherlands|Holland|
    The Netherlands|Netherlands (the)|Hollande|Olanda
NO NOR Norway|Norwegen|Norvège|Noruega|Norvegia|Noorwegen|Kingdom of Norway|Norge|Noreg
NP NPL Nepal|Federal Democratic Republic of Nepal|नेपाल
NR NRU Nauru|Republic of Nauru
NU NIU Niue
NZ NZL New Zealand|Neuseeland|Nouvelle-Zélande|Nueva Zelanda|Nuova Zelanda|Nova Zelândia|Nieuw-Zeeland|Aotearoa|
    Новая Зеландия|新西兰
OM OMN Oman|Omã|Sultanate of Oman|سلطنة عمان
PA PAN Panama|Republic of Panama
PE PER Peru|Pérou|Republic of Peru
PF PYF French Polynesia|Französisch-Polynesien|Polynésie Française|Polinesia Francesa|Polinesia Francese|
    Frans-Polynesië|Tahiti
PG PNG Papua New Guinea|Papua-Neuguinea|Papouasie-Nouvelle-Guinée|Papua Nuova Guinea|Papua-Nova Guiné|
    Papoea-Nieuw-Guinea|Independent State of Papua New Guinea
PH PHL Philippines|Philippinen|Filipinas|Filippine|Filipijnen|Republic of the Philippines|Pilipinas|The Philippines
PK PAK Pakistan|Paquistán|Paquistão|Islamic Republic of Pakistan|پاکستان
PL POL Poland|Polen|Pologne|Polonia|Republic of Poland|Polska|Rzeczpospolita Polska
PM SPM Saint Pierre and Miquelon|St. Pierre und Miquelon|Saint-Pierre-et-Miquelon|San Pedro y Miquelón|
    Saint Pierre e Miquelon|Saint Pierre en Miquelon
PR PRI Puerto Rico|Porto Rico
PS PSE Palestine, State of|Palestine|Palästina|Palestina|Territórios palestinos|Palestijns Gebied|
    the State of Palestine|State of Palestine|Palestinian Territories|Palestinian Territory
PT PRT Portugal|Portogallo|Portuguese Republic
PW PLW Palau|Belau|Palaos|Republic of Palau
PY PRY Paraguay|Paraguai|Republic of Paraguay
QA QAT Qatar|Katar|Catar|State of Qatar|قطر
RE REU Réunion|La Réunion|Reunião
RO ROU Romania|Rumänien|Roumanie|Rumania|Romênia|Roemenië
RS SRB Serbia|Serbien|Serbie|Sérvia|Servië|Republic of Serbia|Srbija|Србија
RU RUS Russian Federation|Russia|Russland|Russie|Rusia|Rusland|Россия|Российская Федерация|Russische Föderation|
    Fédération de Russie|Federación de Rusia
RW RWA Rwanda|Ruanda|Rwandese Republic
SA SAU Saudi Arabia|Saudi-Arabien|Arabie Saoudite|Arabia Saudita|Saoedi-Arabië|Kingdom of Saudi Arabia|السعودية|KSA|
    المملكة العربية السعودية
SB SLB Solomon Islands|Solomon-Inseln|Îles Salomon|Islas Salomón|Isole Solomon|Ilhas Salomão|Salomonseilanden
SC SYC Seychelles|Seychellen|Republic of Seychelles
SD SDN Sudan|Soudan|Sudão|Soedan|Republic of the Sudan|السودان
SE SWE Sweden|Schweden|Suède|Suecia|Svezia|Zweden|Kingdom of Sweden|Sverige
SG SGP Singapore|Singapur|Singapour|Cingapura|Republic of Singapore|新加坡|Singapura
SH SHN Saint Helena, Ascension and Tristan da Cunha|Saint Helena|St. Helena|Sainte-Hélène|Santa Helena|Sant'Elena|
    Sint-Helena
SI SVN Slovenia|Slowenien|Slovénie|Eslovenia|Republic of Slovenia|Slovenija
SJ SJM Svalbard and Jan Mayen|Svalbard und Jan Mayen|Svalbard et Jan Mayen|Svalbard y Jan Mayen|Svalbard e Jan Mayen|
    Svalbard en Jan Mayen|Svalbard
SK SVK Slovakia|Slowakei|Slovaquie|Eslovaquia|Slovacchia|Slowakije|Slovak Republic|Slovenská republika
SL SLE Sierra Leone|Sierra Leona|Serra Leoa|Republic of Sierra Leone
SM SMR San Marino|Saint-Marin|Republic of San Marino
SN SEN Senegal|Republic of Senegal
SO SOM Somalia|Somalie|Federal Republic of Somalia
SR SUR Suriname|Surinam|Republic of Suriname
SS SSD South Sudan|Südsudan|Sud-Soudan|Sudán del Sur|Sudan del Sud|Republic of South Sudan
ST STP Sao Tome and Principe|Sao Tome und Principe|Sao Tomé et Principe|Santo Tomé y Príncipe|São Tomé e Principe|
    Sao Tomé en Principe|Democratic Republic of Sao Tome and Principe
SV SLV El Salvador|Republic of El Salvador
SX SXM Sint Maarten (Dutch part)|Sint Maarten (Niederländischer Teil)|Saint-Martin (partie néerlandaise)|
    San Martín (región holandesa)|Sint Maarten (parte olandese)|Sint Maarten|St Maarten
SY SYR Syria|Syrien|Syrie|Siria|Syrian Arab Republic|سوريا
SZ SWZ Eswatini|Swaziland|Swasiland|Suazilandia|Kingdom of Eswatini
TA TAA Tristan da Cunha
TC TCA Turks and Caicos Islands|Turks- und Caicos-Inseln|Îles Turks et Caicos|Islas Turcas y Caicos|
    Isole Turks e Caicos|Ilhas Turks e Caicos|Turks- en Caicoseilanden
TD TCD Chad|Tschad|Tchad|Ciad|Chade|Tsjaad|Republic of Chad
TG TGO Togo|Togolese Republic
TH THA Thailand|Thaïlande|Tailandia|Thailandia|Kingdom of Thailand|ประเทศไทย
TJ TJK Tajikistan|Tadschikistan|Tadjikistan|Tayikistán|Tagikistan|Tadjiquistão|Tadzjikistan|Republic of Tajikistan|
    Тоҷикистон
TK TKL Tokelau
TL TLS Timor-Leste|Timor Oriental|Oost-Timor|Democratic Republic of Timor-Leste|East Timor|Osttimor
TM TKM Turkmenistan|Turcomenistão
TN TUN Tunisia|Tunesien|Tunisie|Túnez|Tunesië|Republic of Tunisia|تونس
TO TON Tonga|Kingdom of Tonga
TR TUR Türkiye|Turkey|Türkei|Turquie|Turquía|Turchia|Turkije|Republic of Türkiye
TT TTO Trinidad and Tobago|Trinidad und Tobago|Trinité-et-Tobago|Trinidad y Tobago|Trinidad e Tobago|
    Trinidad en Tobago|Republic of Trinidad and Tobago|Trinidad & Tobago|Trinidad
TV TUV Tuvalu
TW TWN Taiwan|Taiwan, Province of China|台湾地区|Republic of China|ROC|台灣|臺灣|台湾
TZ TZA Tanzania|Tansania|Tanzanie|Tanzania, United Republic of|United Republic of Tanzania
UA UKR Ukraine|Ucrania|Ucraina|Oekraïne|Україна|Украина
UG UGA Uganda|Ouganda|Oeganda|Republic of Uganda
US USA United States|Vereinigte Staaten von Amerika|Etats-Unis|Estados Unidos|Stati Uniti|Verenigde Staten|
    United States of America|Vereinigte Staaten|U.S.A.|
    U.S.|America|Estados Unidos de América|EE.UU.|EEUU|EUA|États-Unis d'Amérique|
    Stati Uniti d'America|Amerika|VS|Соединённые Штаты Америки|США|アメリカ|アメリカ合衆国|美国|美國|미국|
    الولايات المتحدة|ABD|Stany Zjednoczone
UY URY Uruguay|Uruguai|Eastern Republic of Uruguay
UZ UZB Uzbekistan|Usbekistan|Ouzbékistan|Uzbequistão|Oezbekistan|Republic of Uzbekistan|O'zbekiston|Oʻzbekiston|
    Узбекистан
VA VAT Holy See (Vatican City State)|Vatican|Vatikanstadt|Ciudad del Vaticano|Città del Vaticano|Vaticano|
    Vaticaanstad|Vatican City|Holy See|Vatikan
VC VCT Saint Vincent and the Grenadines|St. Vincent und die Grenadinen|Saint-Vincent-et-les Grenadines|
    San Vicente y las Granadinas|Saint Vincent e Grenadine|São Vicente e Granadinas|Saint Vincent en de Grenadines|
    St Vincent and the Grenadines|St Vincent
VE VEN Venezuela|Venezuela, Bolivarian Republic of|Bolivarian Republic of Venezuela
VG VGB Virgin Islands, British|British Virgin Islands|Britische Jungferninseln|Iles Vierges Britanniques|
    Islas Vírgenes Británicas|Isole Vergini (GB)|Ilhas Virgens Britânicas|Britse Maagdeneilanden|BVI
VI VIR Virgin Islands, U.S.|U.S. Virgin Islands|Amerikanische Jungferninseln|Iles Vierges Américaines|
    Islas Vírgenes Americanas|Isole Vergini (USA)|Ilhas Virgens dos EUA|Amerikaanse Maagdeneilanden|
    Virgin Islands of the United States|US Virgin Islands
VN VNM Vietnam|Vietnã|Viet Nam|Socialist Republic of Viet Nam|Socialist Republic of Vietnam
VU VUT Vanuatu|Republic of Vanuatu
WF WLF Wallis and Futuna|Wallis und Futuna|Wallis-et-Futuna|Wallis y Futuna|Wallis e Futuna|Wallis en Futuna
WS WSM Samoa|Independent State of Samoa
XK XKX Kosovo|Kosova|Косово
YE YEM Yemen|Jemen|Iêmen|Republic of Yemen|اليمن
YT MYT Mayotte|Mayotta
ZA ZAF South Africa|Südafrika|Afrique du Sud|Sudáfrica|África do Sul|Zuid-Afrika|Republic of South Africa|RSA|
    Suid-Afrika|iNingizimu Afrika
ZM ZMB Zambia|Sambia|Zambie|Republic of Zambia
ZW ZWE Zimbabwe|Simbabwe|Zimbabue|Republic of Zimbabwe
"""
