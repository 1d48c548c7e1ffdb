/**
 * The words by which English news prose says who said what. Attribution is found in English only;
 * in other languages quotes are found by their marks and have no speaker.
 */

const words = (list: string) => new Set(list.trim().split(/\s+/))

/** Verbs of saying that are regular; the rest is spelt out below. */
const REGULAR = `accuse acknowledge add affirm allege announce answer argue ask assert blame blast boast
  brand call caution characterize characterise charge claim comment complain concede conclude
  condemn confess confirm contend continue counter criticize criticise declare demand denounce deny describe disclose
  emphasize emphasise exclaim explain hail insist joke label lament maintain mention mock note
  observe pledge post praise predict proclaim promise quote reaffirm recall recount reiterate
  remark repeat reply report respond retort reveal sum scoff shout signal slam state stress suggest
  testify tweet urge vow warn whisper yell`

const IRREGULAR_FINITE = `summed said says told tells wrote writes admitted admits labelled quipped quips
  slammed slams spoke speaks thought thinks referred refers cried cries added tells opined opines texted`
const IRREGULAR_BASE = 'say tell write admit think refer'
const IRREGULAR_PARTICIPLES = `saying telling writing admitting labelling quipping slamming
  referring crying speaking summing thinking`

const inflect = (base: string) => {
  if (base.endsWith('y') && !/[aeiou]y$/.test(base)) {
    const stem = base.slice(0, -1)
    return { finite: [`${stem}ies`, `${stem}ied`], participle: `${base}ing` }
  }
  const stem = base.endsWith('e') ? base.slice(0, -1) : base
  const third = /(?:s|sh|ch|x)$/.test(base) ? `${base}es` : `${base}s`
  return { finite: [third, `${stem}ed`], participle: `${stem}ing` }
}

// "signal", "quote" and "mention" tell of others' words more often than they attribute.
const BASES = [...words(REGULAR)].filter((base) => !['signal', 'quote', 'mention'].includes(base))

/** Forms that have their subject before them, or right after a quote: `said`, `says`. */
export const FINITE_VERBS = new Set([
  ...words(IRREGULAR_FINITE),
  ...BASES.flatMap((base) => inflect(base).finite),
])

/** Forms that only a plural subject takes: `sources say`. */
export const BASE_VERBS = new Set([...words(IRREGULAR_BASE), ...BASES])

/** Forms whose subject is that of the sentence: `..., stating:`. */
export const PARTICIPLES = new Set([
  ...words(IRREGULAR_PARTICIPLES),
  ...BASES.map((base) => inflect(base).participle),
])

/** What may stand between a subject and its verb. Words in -ly come on top. */
export const ADVERBS = words(
  `also later then again has have had previously once recently often first since even already
   still now further instead simply just soon afterwards has`,
)

/** Before a participle form, these make a passive: its subject did not speak. */
export const PASSIVES = words('was were is are be been being')

/** What people say things with: `Smith’s response`. */
export const SPEECH_NOUNS = words(
  `response statement letter remarks remark speech comments comment message post tweet reply
   answer claim claims words testimony address announcement email memo op-ed interview`,
)

/** Capitalised for their place in the sentence, or as names of days; never part of a name. */
export const NOT_NAMES = words(
  `The A An This That These Those Some Any All Both Each Every Many Most Several Few Other Others
   Another Such No Neither Either One Two Three Four Five Six Seven Eight Nine Ten I He She It We
   They You His Her Its Our Their My Your Him Them Who What When Where Why How Which While Whether
   If As At By For From In Into Of On Onto Off Out Over Under Up Upon With Within Without About
   Above Across After Against Along Amid Among Around Before Behind Below Beneath Beside Between
   Beyond Despite Down During Except Inside Like Near Outside Past Per Since Through Throughout To
   Toward Towards Until Till Unlike Via And But Or Nor So Yet Although Though Because Unless Once
   Also Still Then Thus Hence However Meanwhile Moreover Later Earlier Now Today Tomorrow Yesterday
   Tonight Here There Instead Indeed Perhaps Maybe Not Never Only Just Even Again Soon Last Next
   According Asked Speaking Days Weeks Months Years Hours Monday Tuesday Wednesday Thursday Friday
   Saturday Sunday January February March April May June July August September October November
   December Sources Officials Critics Police Witnesses Residents Mon Tue Wed Thu Fri Sat Sun Jan
   Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Yes`,
)

/** Small words inside a name: `Ursula von der Leyen`. */
export const PARTICLES = words(
  'de del della der den di da dos das du la le van von zu bin bint ibn ben al el ter ten',
)

export const NAME_SUFFIXES = words('Jr. Sr. Jr Sr II III IV')

/** Forms of address: neither name nor title. */
export const HONORIFICS = words('Mr. Mrs. Ms. Miss Mr Mrs Ms Mx. Mx Sir Dame')

/** Titles as they stand, capitalised, before a name; of several words, one is enough. */
export const TITLES = words(
  `President Vice-President Premier Chancellor Minister Secretary Senator Sen. Representative Rep.
   Congressman Congresswoman Governor Gov. Mayor Councillor Councilor Councilman Councilwoman
   Alderman Ambassador King Queen Prince Princess Pope Cardinal Archbishop Bishop Rabbi Imam
   Reverend Rev. Father Pastor Judge Justice Sheriff Chief Commissioner Inspector Detective Officer
   Constable Superintendent Sergeant Sgt. Lieutenant Lt. Captain Capt. Major Maj. Colonel Col.
   General Gen. Admiral Adm. Commander Cmdr. Director Manager Chairman Chairwoman Chair Executive
   CEO Professor Prof. Doctor Dr. Coach Attorney Speaker Lord Lady Baroness Emperor Sultan Sheikh
   Ayatollah Comptroller Treasurer Dean Provost Principal Spokesman Spokeswoman Spokesperson
   Harbourmaster Harbormaster Coxswain Skipper`,
)

/** What a person can be said to be before or after the name, in small letters. */
export const ROLES = words(
  `leader president premier chancellor minister candidate spokesman spokeswoman spokesperson
   director chief chair chairman chairwoman chairperson analyst professor lecturer lawyer attorney
   barrister solicitor coach captain manager owner founder co-founder researcher scientist economist
   farmer teacher student pupil resident singer actor actress author writer poet novelist journalist
   reporter correspondent editor columnist activist campaigner organizer organiser mayor governor
   senator lawmaker legislator councillor councilor ambassador envoy diplomat officer executive head
   secretary judge prosecutor sheriff nurse doctor surgeon physician pastor priest bishop rabbi imam
   historian biologist chemist physicist geologist engineer architect pilot fisherman fisher driver
   shopkeeper baker butcher carpenter mechanic plumber electrician worker technician inspector
   commissioner superintendent detective master harbourmaster harbormaster coxswain librarian curator
   archivist conductor composer pianist violinist musician painter sculptor photographer
   filmmaker producer strategist adviser advisor aide consultant expert specialist planner developer
   broker trader banker accountant auditor clerk treasurer principal headteacher dean
   striker goalkeeper midfielder defender forward winger quarterback pitcher skipper chef cook
   waiter waitress brewer grocer trustee member deputy partner veteran soldier general colonel
   commander meteorologist forecaster climatologist ecologist conservationist ranger
   firefighter paramedic neighbour neighbor witness mother father widow volunteer`,
)

/** What may stand before a role: `opposition leader`. Capitalised words come on top. */
export const ROLE_MODIFIERS = words(
  `opposition former ex deputy senior junior chief prime vice local retired acting interim team city
   county state town village district police fire union defence defense foreign finance interior
   health education transport housing justice head assistant associate company school harbour
   harbor port party press project research lead managing executive general regional national
   federal presidential mayoral political military security economic community human rights
   climate energy labour labor trade tech ferry museum hospital club campaign outgoing incoming
   longtime veteran dairy marine structural civil`,
)

/** A name with one of these in it is an organisation's. */
export const ORGANIZATION_WORDS = words(
  `House Court Party Ministry Department Council Agency Bank University Union Association
   Committee Commission Company Corp Corp. Corporation Inc Inc. Ltd Ltd. LLC PLC Group Police Force
   Forces Army Navy Government Parliament Congress Senate Authority Institute Foundation Center
   Centre Office Board Bureau Club Church School College Hospital Service Services Organization
   Organisation Federation League Trust Society Network Alliance Coalition Front Movement Airlines
   Airways Systems Industries Holdings Kremlin Pentagon Nations Administration Museum Ferries
   Railways Rail Water Energy Partners Technologies Watch`,
)

/** A name with one of these in it is that of a paper, a broadcaster or an agency. */
export const PUBLICATION_WORDS = words(
  `Times Post News Journal Herald Tribune Gazette Guardian Chronicle Observer Telegraph Magazine
   Press Reuters Bloomberg Xinhua Courier Dispatch Examiner Mirror AFP BBC CNN NPR Weekly Daily`,
)

/** First words of names of countries and towns. */
export const PLACE_WORDS = words(
  `New North South East West Northern Southern Eastern Western United Saint St. Los San Santa Great
   Hong Sri Saudi Costa Puerto Fort Mount Lake Port Cape Central`,
)

/** Last words of names of places and occasions. */
export const PLACE_ENDS = words(
  `Harbour Harbor Street Road Avenue Lane Square Bridge River Island Islands Park Bay Beach Valley
   Mountain Mountains Parade Airport Station Division Cup Day Act War Strait Sea Ocean Coast Province
   Region District Peninsula Terminal Theatre Theater Stadium Games Week Festival Treaty Agreement`,
)

/** Those who speak without a name. */
export const UNNAMED_HEADS = words(
  `source sources official officials aide aides adviser advisers advisor advisors diplomat diplomats
   insider insiders person people witness witnesses spokesman spokeswoman spokesperson spokespeople
   executive executives employee employees officer officers resident residents lawmaker lawmakers
   critic critics analyst analysts expert experts investigator investigators prosecutor prosecutors
   police authorities neighbours neighbors organisers organizers lawyers doctors campaigners
   scientists researchers protesters villagers`,
)

/** Heads that hide someone by themselves, as soon as anything more is said of them. */
export const HIDDEN_HEADS = words('source sources insider insiders')

/** What hides a person: said before the head, or begins what is said after it. */
export const HIDING_BEFORE = words('unnamed anonymous unidentified')
export const AFTER_UNNAMED = words(
  'familiar close with briefed who for from in at inside within near involved knowledgeable',
)

export const DOCUMENT_HEADS = words(
  `letter letters report reports statement statements document documents memo memos memorandum
   filing filings indictment lawsuit complaint affidavit transcript transcripts email emails e-mail
   study survey poll release communique communiqué records dossier audit manifesto declaration
   decree ruling papers minutes`,
)
export const AFTER_DOCUMENT = words(
  `by from of to published released issued signed sent obtained seen posted filed dated reviewed
   written prepared commissioned leaked compiled`,
)

/** What a document does in place of saying. */
export const DOCUMENT_VERBS = words('show shows showed read reads found finds say says said')

/** Where a noun phrase ends at the latest. */
export const PHRASE_ENDS = words(
  `that which after when while because late early before as although though but and on until since
   if where whose`,
)

/** What can stand in a noun phrase before its head, besides adjectives and nouns. */
export const DETERMINERS = words(
  'the a an some several two three four five many multiple other one another both his her its their',
)

/** Words that end the way to the left through a noun phrase. */
export const PREPOSITIONS = words(
  `of in on at by for from to with into onto over under about after before during via through between
   among against within without near per than like as and or but nor that which who whom whose when
   while where if because said not is are was were be been has have had will would can could may
   might must shall should do does did it he she they we you i`,
)

/** Before a passage they say that it is a title or a name, not something said. */
export const TITLE_CUES = words(
  `titled entitled called named dubbed nicknamed so-called novel book film movie song album play
   article essay show series poem documentary episode single painting exhibition podcast word
   term phrase headline hashtag slogan song nickname column musical opera sculpture`,
)
