"""The material of the sample's values: names, goods and sentences of one outdoor shop, all written for this project.

A sentence holds alternatives `[a|b]` and fields `{product}`; `values.spin` expands them, so that two
calls seldom use the same words. Articles are fixed: a help centre repeats its texts word for word.
"""

NAMES = (
    "Amara Osei",
    "Lena Brandt",
    "João Figueira",
    "Priya Raman",
    "Tomasz Wilk",
    "Ines Calvo",
    "Haruka Ono",
    "Mehmet Arslan",
    "Sofie Dahl",
    "Colm Daly",
    "Nadia Haddad",
    "Viktor Szabo",
    "Grace Mutua",
    "Élodie Faure",
    "Kofi Adjei",
    "Hanna Lindqvist",
    "Ruth Abelman",
    "Paolo Greco",
    "Zoë van Dijk",
    "Daniel Okafor",
    "Mina Park",
    "Oskar Nyberg",
    "Beatriz Luz",
    "Yusuf Demir",
    "Ailsa Grant",
    "Dmitri Volkov",
    "Carmen Ibáñez",
    "Wei Zhang",
    "Fatima Zahra",
    "Jonas Keller",
    "Marisol Vega",
    "Ewan Pryce",
)
PRODUCTS = (
    "Tarn 2 tent",
    "Skua rain jacket",
    "Fellside 45 pack",
    "Brae hiking boots",
    "Corrie down quilt",
    "Lomond gaiters",
    "Cairn stove",
    "Merlin head torch",
    "Rannoch fleece",
    "Osprey Bay dry bag",
    "Torridon trekking poles",
    "Kestrel cap",
    "Dunnet sleeping mat",
    "Solway water filter",
    "Affric base layer",
    "Ben Vane gloves",
    "Glen Tilt trousers",
    "Harris socks",
    "Quiraing bivvy bag",
    "Strath enamel mug",
    "Shiel map case",
    "Loch Ness hammock",
    "Ullapool parka",
    "Whin softshell",
)
PARTS = (
    "zip",
    "left seam",
    "buckle",
    "hip belt",
    "valve",
    "pole section",
    "battery door",
    "sole",
    "hood cord",
    "inner lining",
    "pump sack",
    "waist strap",
    "ignition",
    "reflective trim",
    "rear pocket",
    "inlet hose",
)
CITIES = (
    "Leeds",
    "Porto",
    "Gdańsk",
    "Malmö",
    "Ghent",
    "Turin",
    "Cork",
    "Basel",
    "Nantes",
    "Tartu",
    "Graz",
    "Bilbao",
    "Aarhus",
    "Split",
    "Utrecht",
    "Brno",
    "Bergen",
    "Kaunas",
    "Lugano",
    "Trier",
)
COMPANIES = (
    "Harrow & Pike Ltd",
    "Nordfjell AS",
    "Weavers' Guild Cooperative",
    "Bluebell Logistics",
    "Atelier Montclair SARL",
    "Kranich Textil GmbH",
    "Sierra Alta S.L.",
    "Tidewater Packaging",
    "Oakum Brothers",
    "Peregrine Freight plc",
    "Zephyr Coatings BV",
    "Molino Vecchio Srl",
    "Ryō Seisakusho",
    "Delta Print House",
    "Ironbridge Castings",
    "Juniper Labs",
)
JOBS = (
    "trail guide",
    "school teacher",
    "ranger",
    "photographer",
    "scout leader",
    "ultra runner",
    "ferry hand",
    "botanist",
)
DAYS = (
    "Monday",
    "Tuesday",
    "the 3rd",
    "Saturday morning",
    "12 May",
    "Easter Monday",
    "the 28th",
    "Friday",
    "1 June",
    "Sunday",
)

# ---- support ----
SUBJECTS = (
    "[Broken|Torn|Damaged] {part} on my {product}",
    "Where is [my order|parcel] {order}?",
    "{product}: [wrong|other] size [sent|in the box]",
    "[Refund|Money back] for {order}",
    "[Cannot|Can't] log in since {day}",
    "Invoice for {company}",
    "charged [twice|two times] - {money}",
    "[Question|A question] about the {product}",
    "Change [address|street] of {order} to {city}",
    "{product} leaks!!",
    "[Voucher|Gift card] [refused|not accepted] at checkout",
    "Delivery to {city} [late|overdue] again",
    "Fwd: {order}",
)
PROBLEMS = (
    "[The|My] {part} of the {product} [came apart|gave way|tore open] [on the second day|after {n} days|halfway up a hill] near {city}",
    "[I ordered|We ordered] {n} [pieces|of them] on {day} and [only|just] one [turned up|was in the box]",
    "The [courier|driver] [says|claims] that order {order} was [handed over|delivered] in {city}, [where I do not live|but nobody was home]",
    "[Your site|The checkout] [took|charged] {money} [twice|two times] from my card, [bank statement attached|I can send a screenshot]",
    "[Since|Ever since] {day} the app [logs me out|forgets my basket] [as soon as|whenever] I [open|tap] the {product} page",
    "The [invoice|receipt] for {company} [shows|has] the wrong [VAT number|street|name], and [our accountant|finance] [will not take|refuses] it",
    "I [wanted|meant] to give the {product} to [my brother|a friend], a {job}, but it [arrived|came] {n} days [late|after his birthday]",
    "[Water|Rain] [gets in|comes through] at the {part} [even|although] it was [proofed|treated] on {day}",
    "[Nobody|No one] [answered|picked up] when I [called|rang] on {day}, [I waited {n} minutes|the line went dead]",
)
DETAILS = (
    "It was [a present|not cheap] at {money}.",
    "[Order|The order number is] {order}.",
    "I am a {job} and [need|rely on] it [daily|every week].",
    "[Before that|Until then] I had [no trouble|nothing to complain about].",
    "The [label|tag] says batch {n}.",
    "[Photos|Pictures] [are attached|follow] [later|in a second mail].",
    "My old {product} [lasted|held] {n} years!",
    "We [leave|set off] for {city} on {day}.",
    "[Sorry|Excuse me] if this is the wrong address",
    "{name} from your team [said|promised] it would be [sorted|fixed] by {day}",
)
ASKS = (
    "[Can|Could] you [send|post] a new {part}?",
    "I [want|would like] my money back",
    "[Please|Kindly] [call|ring] me on {day}.",
    "What [now|next]?",
    "[Do|Must] I [send|bring] it [back|to the shop in {city}]?",
    "[Cheers|Thanks], {name}",
    "Is it [covered|under warranty] [or not|still]?",
    "Please [cancel|stop] everything!",
    "[Waiting|Hoping] for a [quick|real] answer",
)

# ---- the help centre: (title, fixed text) ----
ARTICLES = (
    (
        "Returns",
        "You may send back unused goods within 60 days. Print the label from your account, tape it over the old one and drop the "
        "parcel at any pick-up point. Refunds reach the card within five working days of the parcel's arrival.",
    ),
    (
        "Warranty",
        "Fabric and seams are covered for three years, buckles and poles for ten. Wear from normal use is not a fault. We mend "
        "before we replace: a mended jacket is back in about two weeks",
    ),
    (
        "Down care",
        "Wash down at 30 degrees with down soap only, never with softener. Dry it for several hours at low heat together with two "
        "clean tennis balls and stop every half hour to pull clumps apart by hand.",
    ),
    (
        "Tent seams",
        "Seams come taped from the factory. If the tape lifts after years of sun, clean the strip with alcohol, let it dry and brush "
        "on a thin coat of silicone sealant; leave the tent pitched overnight (colder than 5 degrees: two nights)",
    ),
    (
        "Boot sizing",
        "Measure both feet in the evening, standing, with the socks that you will walk in. Add eight millimetres for day walks and "
        "twelve for long descents. Half sizes differ by about four millimetres in length, none in width.",
    ),
    (
        "Gift cards",
        "Cards are valid for five years and can be used in several steps. The balance shows under Account > Payments. A lost card is "
        "replaced when you still have the receipt number, which starts with G.",
    ),
    (
        "Delivery times",
        "Orders before 14:00 leave on the same day. Islands and mountain huts take two days longer. In the week before Christmas "
        "the carriers give no promise, so neither can we!",
    ),
    (
        "Stove safety",
        "Use the stove outdoors and on level ground. Check the hose for cracks before each trip; a hose older than four years must be "
        "changed. Never lay stones around the burner, as the canister overheats within minutes.",
    ),
    (
        "Rucksack fit",
        "Loosen all straps, load eight kilograms, set the hip belt over the hip bones and close it first. Then pull the shoulder "
        "straps until they touch without carrying. The load lifters should rise at about 45 degrees",
    ),
    (
        "Head torch batteries",
        "The torch takes three AAA cells or the flat pack. Rechargeable cells give a little less light and last longer in the "
        "cold. Take cells out before storage; leaked cells are not covered by the warranty.",
    ),
    (
        "Trade accounts",
        "Guides, schools and clubs get 20 percent off list price after sending proof of their work. Invoices are payable within 30 "
        "days. Trade orders cannot be combined with sale prices or vouchers.",
    ),
    (
        "Water filter",
        "Flush the cartridge with a litre of clean water before first use. When the flow drops below half, back-flush it with the "
        "syringe. A cartridge that has frozen while wet must be thrown away, even if it looks sound",
    ),
    (
        "Account deletion",
        "Close the account under Account > Privacy. Invoices stay for ten years since tax law asks for it; everything else is "
        "erased after 14 days, reviews included. Newsletters stop at once.",
    ),
    (
        "Price match",
        "If a dealer in the same country sells the same colour and size for less, send us the link before you buy. We answer on "
        "working days, usually before noon. Auctions and clearance pages do not count (see §4)",
    ),
    (
        "Repairs",
        "Book a repair slot online, clean the item first and note what is broken on the slip. Patches cost 9 euros, zips 25, new soles 80. "
        "Children's clothes are patched for nothing",
    ),
    (
        "Pole repair",
        "A bent section can be swapped in the field: slide the spare sleeve over the break and tape both ends. Send the broken section's "
        "length in millimetres and we post a new one for the cost of the stamp.",
    ),
    (
        "Group bookings",
        "From eight people on we pack rental kits by name. Give heights and boot sizes ten days ahead. Kits are collected on the "
        "morning of the trip and come back unwashed; we like to do that ourselves.",
    ),
    (
        "Waterproofing",
        "Wash, rinse twice, then spray the wet cloth evenly and tumble it warm for twenty minutes. Water should bead again. If it "
        "soaks in at the shoulders only, treat just those",
    ),
    (
        "Payment",
        "We take cards, bank transfer and invoice for trade accounts. A transfer reserves the goods for seven days. Declined cards are most "
        "often a missing confirmation in the bank's own app.",
    ),
    (
        "Sleeping mats",
        "A mat that goes soft overnight is not always broken: cold air takes less room. Dip the valve in soapy water first, then the "
        "seams. Most leaks sit within a hand's width of the foot end.",
    ),
    (
        "Recycling",
        "Bring any brand's worn outdoor wear to a shop. What can be worn goes to mountain rescue stations, the rest becomes insulation "
        "board. You get a voucher of 5 euros a kilogram (never for underwear)",
    ),
    (
        "Customs",
        "Parcels to Norway, Switzerland and the United Kingdom travel duty paid above 150 euros; below it the carrier collects. Returns from "
        "there need the pink form, signed, on the outside of the box.",
    ),
    (
        "Membership",
        "Members collect one acorn per euro and trade 200 acorns for a night in one of our huts. Acorns fade after three years. Family "
        "members may pool theirs under one name",
    ),
    (
        "Hut nights",
        "Huts sleep six, have a stove, an axe and no mobile signal. Check in after 15:00 with the door code from your booking. Dogs sleep "
        "in the porch. Leave kindling for the next guests!",
    ),
    (
        "Maps in the app",
        "Download a region over wireless first: about 300 megabytes each. The blue dot works without signal. Routes that you draw are "
        "private until shared; sharing shows start and end to the nearest kilometre only.",
    ),
    (
        "Lost parcels",
        "If tracking stands still for four days we open a search with the carrier, which takes up to ten. For boots and tents we send a "
        "second parcel at once and settle with the carrier later",
    ),
    (
        "Fabric guide",
        "Three-layer cloth is for rucksack straps and winter, two-and-a-half for running. Hydrostatic head tells when water comes "
        "through: 10,000 millimetres stop rain, 20,000 stop a knee on wet ground.",
    ),
    (
        "Rental",
        "Rent by the night; the first night costs most. Return dirty but complete. A missing peg is forgiven, a missing pole is not: it costs "
        "18 euros, and the same for the bag",
    ),
    (
        "Student discount",
        "Students and apprentices get ten percent with a valid card, once per item and year. Upload the card under Account > Proofs; "
        "checking takes a day. Doctoral students count, visiting fellows do not.",
    ),
    (
        "Ski service",
        "Edges and wax take one day, base repair three. Mark your boots' sole length on the slip so that bindings can be set. We do not set "
        "bindings older than 15 years (no exceptions, sorry)",
    ),
)
QUESTIONS = (
    "How long [do I have|have I got] to [return|send back] [a|the] {product}?",
    "Is the {part} of my {product} covered by [warranty|the guarantee]?",
    "can I [wash|tumble dry] the {product}",
    "[Which|What] size of {product} for a {job} with wide feet?",
    "Do you [ship|deliver] to {city} [before|by] {day}?",
    "[How|Where] do I [book|get] a hut night near {city}?",
    "[What does|how much is] a new {part} for the {product}",
    "My {product} [leaks|lost air] [overnight|after {n} days], what [now|should I do first]?",
    "[Can|May] a {job} open a trade account",
    "[Why was|why is] my card [declined|refused] for {order}?",
    "does the {product} work [below freezing|in {city} in winter]",
    "[Who|what] pays customs for {city}?",
    "How [do|can] I [delete|close] my account, {name} here",
    "Is there a student price for the {product}?",
    "I [lost|binned] the receipt of a gift card over {money}, can you [still|please] help?",
    "Acorns: [when|how fast] do they [fade|expire]?",
)

# ---- reviews, notes, copy ----
REVIEWS = (
    "[Held|Kept] me dry for {n} days [above|around] {city}, [even|and] the {part} did not [drip|budge].",
    "[Nice|Lovely] [colour|cut], but the {part} [broke|gave up] on [its|the] [first|third] trip",
    "Bought [two|a pair] for [my parents|the kids]; [one|half] went [straight|right] back.",
    "{money} for THAT? [No|Never again].",
    "[Lighter|Smaller] than [my old one|the {product}], [packs|folds] into a [mug|shoe].",
    "[meh|it is ok], does what it [says|should]",
    "As a {job} I [wear|use] it [every|each] [day|shift] and it [still|hardly] [looks new|shows wear]!",
    "[Delivery|The parcel] took {n} days[ to {city}|], the {product} itself is [great|fine|flawless].",
    "[Sizing|The size chart] is [off|a joke]: ordered {n}, [swapped|exchanged] it [twice|once]...",
    "My [dog|toddler] [slept on|chewed] it and the {part} [survived|is fine] :)",
)
LABELS = ("praise", "defect", "sizing", "delivery", "price", "mixed")
AGENDA = (
    "{name}: [returns|refunds] of the {product} are [up|down] {n} percent since {day}; [the {part}|sizing] is the [main|usual] reason.",
    "{name} [asked|wondered] [whether|if] the shop in {city} [opens|can open] earlier, [no decision|agreed] [yet|for now].",
    "[Warehouse|Stock]: {n} [units|boxes] of {product} [stuck|held] at {city}, {company} [promises|says] {day}.",
    "{name} will [draft|write] the mail to {company} by {day}.",
    "[Budget|Spend]: {money} [left|open] for [photos|the spring list].",
    "[Decision|Agreed]: [drop|keep] the {product} in [grey|moss], [reorder|order] {n} in blue.",
    "{name} and {name} [disagree|argue] about the {part}; [test|try] both with the {job} group in {city}.",
    "[Risk|Watch]: the [lease|rent] in {city} ends on {day}",
    "[Action|To do] {name}: [call|visit] {company}, [offer|quote] {money}.",
    "[Someone|{name}] [noted|said] that [mountain rescue|the school] wants {n} [kits|sets] [back|again].",
)
FEATURES = (
    "weighs {n} grams",
    "{part} can be swapped without tools",
    "packs to the size of a mug",
    "made in {city}",
    "recycled shell",
    "tested by a {job} for {n} nights",
    "two-way zip",
    "stays quiet in wind",
    "fits over a helmet",
    "washable at 40 degrees",
    "comes with a spare {part}",
    "bluesign approved cloth",
    "glows for {n} minutes",
    "no fluorocarbons",
)
MAILS = (
    "[We|At {company} we] [would like|want] to [stock|list] the {product} in {city}; [what is|could you send] your [trade|list] price for {n} pieces?",
    "[Following|As to] our call on {day}: [the samples|both samples] of the {part} [are|were] [too stiff|fine], [please|kindly] go on.",
    "I am a {job} and [write|blog] about {city}. [Would|Could] you lend me a {product} for {n} days?",
    "[Our|The] lorry [broke down|is stuck] near {city}, pallet {order} [comes|arrives] on {day} [at best|instead].",
    "[Invoice|Your invoice] {order} over {money} is [still|now] {n} days [overdue|open] on our side, [is anything|what is] wrong?",
    "[May|Can] our [class|club] of {n} visit the repair shop in {city} on {day}?",
    "{name} [left|has left] {company}; from {day} on [write|talk] to me.",
)
INTENTS = (
    "[accept|agree], and [ask for|propose] {day}",
    "decline [kindly|politely], no reason",
    "[promise|offer] {money} as a [credit|refund]",
    "[say|explain] that {name} will [call|ring]",
    "ask for the [order number|photos] first",
    "[yes|fine] to all, [keep it short|two lines]",
    "point them to [the shop in {city}|{company}]",
    "buy time until {day}",
)
SEARCHES = (
    "{product} {n}",
    "[warm|light] [jacket|shell] for {city} in [march|autumn]",
    "[boots|shoes] {job}",
    "spare {part} {product}",
    "[cheap|used] {product}",
    "gift for a {job} under {money}",
    "tent [2|3] [persons|people] [storm|wind]",
    "something like the {product} but [smaller|blue]",
    "[vegan|wool free] socks size {n}",
    "{product} vs {product}",
    "how to [fix|mend] a {part}",
    "[kids|children] rain [set|trousers] {n}",
)
CHATS = (  # free chat: each text is sent once and has no template
    "my sister hates camping, how do I talk her into one night?",
    "write me a limerick about wet socks",
    "17 * 23 + 4",
    "Which of the three peaks is easiest with a toddler on my back",
    "hi are you a person",
    "explain dew point like I'm nine",
    "why do bats leave the hut at the same minute each evening??",
    "I burnt porridge into my only pan. Salt? Coke? Sand?",
    "give me ten names for a grumpy donkey",
    "Ist Moos an der Nordseite wirklich ein Kompass?",
    "rhyme with 'carabiner', please not 'cleaner'",
    "Draft a note to my landlady: heating broke Friday, baby in the house, be firm but nice",
    "what's the capital of the Faroes again",
    "can you eat rowan berries raw",
    "Translate 'mind your head' into Welsh for a door sign",
    "plan b if the ferry to Eigg is off",
    "I have flour, two eggs, wild garlic and no oven",
    "convert 6 foot 3 to cm",
    "Who first put a zip on a sleeping bag?",
    "my boss wants a 'vision'. we sell tent pegs.",
    "what would a heron say to a drone",
    "is it rude to pass slow walkers on the left",
    "Make the following sound less angry: You people have lost my parcel AGAIN.",
    "how many blisters are too many",
    "qué significa 'bothy'",
    "Compare sleeping under tin and under canvas in three lines",
    "tell me something true about slugs",
    "do stars look different from a canoe",
    "I can't stop reading bad news at night",
    "a crossword: 'bird that lost its head', five letters, ends in N",
    "thanks, that helped :)",
    "Suggest music for driving home from a funeral",
    "why is the tide table wrong by an hour every summer",
    "sell me this rope",
    "If I leave Fort William at six, where would I be by dusk on foot?",
    "what does my dream about falling pegs mean",
    "Name a film in which nobody drives",
    "teach me to whistle with two fingers",
    "my knee clicks going downhill but not up, hm",
    "Summarise Moby Dick for a fisherman",
    "how do you spell rucksack in Dutch",
    "ok forget it",
    "is 90 quid a lot for gloves",
    "Write the toast for two retired postmen getting married",
    "what's a polite way to ask about pay in a kayak shop",
    "could a goat follow the West Highland Way alone",
    "Il pleut depuis neuf jours, remonte-moi le moral",
    "which knot did I forget: rabbit, tree, hole",
    "invent a card game for three tired people and one torch",
    "Does ironing ruin maps?",
    "the moon was orange yesterday, should I worry",
    "give me one reason not to quit",
    "who owns the bottom of a loch",
    "Please proofread: 'Their is know to bad weather.'",
    "make a packing list but only things starting with M",
    "how cold before beer freezes in a pannier",
    "say that again, shorter",
    "I met a hiker who claims he walked from Gdansk. Plausible?",
    "why are scouts always selling biscuits",
    "what rhymes in Finnish",
    "Turn 'we regret to inform you' into pirate",
    "can moss feel",
    "my dad's knife, 1962, horn handle: oil or wax",
    "best cheese to carry for a week",
    "help me apologise to a dog",
    "Is there a word for the smell before snow",
    "how would you cheat at conkers",
    "roast my tent photos (kidding)",
    "What happens to left gloves?",
    "I need an alibi for Sunday, a funny one",
    "count the vowels in Ullapool",
    "どうして山の上では空が濃い青なの？",
    "when did people start climbing for fun",
    "my phone says 4 %, last words?",
    "give the plot of a thriller set in a lost property office",
    "Could two people share one pair of skis, honestly",
    "name my sourdough",
    "what do lighthouse keepers do now",
    "unpopular opinion: fog is the best weather",
    "how long is a piece of string, scientifically",
    "Where do bees go in hail",
    "remind me what we said about Tuesday",
    "pick a number and defend it",
    "I think my neighbour steals my milk. Be a detective.",
    "why do maps fold wrong",
    "cheer me up in exactly eleven words",
    "which stone is warm longest after sunset",
    "A riddle about rain, not the obvious one",
    "what should I call a boat that leaks",
    "do ravens keep promises",
    "what can I knit before the bus comes",
    "settle this: is a cagoule an anorak",
    "I have to speak at my old school, start me off",
    "would Shakespeare have liked Velcro",
)
# ---- answers of models ----
FINDINGS = (
    "`{part}.py:{n}`: [an empty|a missing] list now ends in [a KeyError|the wrong branch], please [add a test|guard it]",
    "`basket.py:{n}`: [this|the query] runs once [per|for each] row; [fetch|read] them [together|in one go]",
    "`mailer.py:{n}`: the [name|word] `rows` [hides|shadows] the one above",
    "LGTM, best line: {n}",
    "`vat.py:{n}`: [rounding|the sum] before the discount loses [a cent|cents] for {city}",
)
CHAT_ANSWERS = (
    "[Good|Fair] question! [In|Around] {city} [people|most] would say {n}.",
    "I am a program, [so no|which helps here]. {n}, to be exact.",
    "[Try|Go for] a [walk|map] and {n} minutes of [rest|tea]; a {job} would do the same.",
    "Once a {job} [met|lost] a {product} near {city} ...",
    "That depends on {day}. [Shall I|Do you want me to] [explain|go on]?",
)
TRANSLATIONS = (
    "[Leicht|Robust] und [schnell|leise] verpackt: {product}, {n} Gramm.",
    "[Léger|Solide], le {product} tient {n} nuits.",
    "{product}: [leggero|resistente], {n} grammi.",
    "{product}は{n}グラム。[軽く|丈夫に]できています。",
    "[Lekki|Mocny] {product}, {n} g.",
)

# ---- Japanese ----
JA_NAMES = (
    "佐藤",
    "高橋",
    "小野",
    "渡辺",
    "中村",
    "加藤",
    "山口",
    "松本",
    "井上",
    "木村",
    "清水",
    "森",
    "池田",
    "橋本",
    "石川",
    "前田",
)
JA_PRODUCTS = (
    "二人用テント",
    "レインジャケット",
    "登山靴",
    "寝袋",
    "ヘッドランプ",
    "浄水器",
    "トレッキングポール",
    "ガスストーブ",
    "手袋",
    "ザック",
)
JA_ASKS = (
    "[昨日|先週]届いた{product}の[縫い目|ファスナー]が[壊れて|ほつれて]いました。[交換|返金]できますか？",
    "{product}の[サイズ|色]を[変更|交換]したいです",
    "注文{order}は[いつ|何日に]届きますか。[{city}に|実家に]送ってほしいです。",
    "{product}を[洗濯機|乾燥機]で洗っても[大丈夫|平気]ですか？",
    "[支払い|カード]が[二重に|二回]引き落とされています。{money}です！",
    "[初心者|子ども]でも{product}は[使え|扱え]ますか",
    "[冬|雪]の{city}へ行きます。{product}で[足り|間に合い]ますか？",
    "[領収書|請求書]の宛名を{name}に[直して|書き直して]ください。",
)
JA_CITIES = ("札幌", "長野", "高山", "松江", "那覇", "仙台", "金沢", "熊本")
JA_POLICIES = (
    "返品は60日以内",
    "修理、二週間ほど",
    "送料無料（離島を除く）",
    "保証三年",
    "在庫は店舗で確認",
    "返金：五営業日",
)
