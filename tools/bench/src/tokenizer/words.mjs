// Common words and signs, most common first.

export const ENGLISH =
  'the of and to in is that it was for on are as with his they at be this from have or by one had not but what all were when we there can an your which their said if do will each about how up out them then she many some so these would other into has more her two like him see time could no make than first been its who now people my made over did down only way find use may water long little very after words called just where most know get through back much before go good new write our used me man too any day same right look think also around another came come work three word must because does part even place well such here take why things help put years different away again off went old number great tell men say small every found still between name should home big give air line set own under read last never us left end along while might next sound below saw something thought both few those always looked show large often together asked house world going want school important until form food keep children feet land side without boy once animals life enough took sometimes four head above kind began almost live page got earth need far hand high year mother light parts country father let night following picture being study second eyes soon times story boys since white days ever paper hard near sentence better best across during today others however sure means knew try told young miles sun ways thing whole hear example heard several change answer room sea against top turned learn point city play toward five using himself usually money seen car morning given body family measurement information government development understanding particular temperature experience necessary conditions organization international environment'.split(
    ' ',
  );

export const IDENTIFIERS =
  'value index data result name type length key item node list options error state count size buffer text offset map file path start end token input output message event handler request response context config model layer weight tensor shape stream chunk reader writer cache queue task worker signal timer length width height row column matrix vector graph edge parser lexer visitor scope symbol module package version license header body footer query table record field schema index page cursor session user role policy secret hash digest cipher nonce block chain peer socket port host domain route method status code cookie origin target source destination left right parent child root leaf branch commit merge diff patch tag'.split(
    ' ',
  );

export const CHINESE =
  '的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运';

export const LANGUAGES = [
  'der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es werden Geschwindigkeit Straßenbahn',
  'de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se être éducation bibliothèque',
  'de la que el en y a los se del las un por con no una su para es al lo como más año corazón información',
  'de a o que e do da em um para é com não uma os no se na por mais as dos como coração informações',
  'di e il la che in un a per è del con non una i le si da al come più dei perché città università',
  'de van het een en in is dat op te zijn met voor niet aan er om dan geschiedenis wetenschappelijk',
  'och i att det som en på är av för med den till inte har de ett om kärlek självständighet',
  'ja on ei se että hän oli mutta niin kuin olla joka tämä kaikki yhteiskunta ihmisoikeuksien',
  'a az és hogy nem is egy ez meg de csak van volt már ember szabadság egyenlőség megszentségteleníthetetlen',
  'w i na z się do nie że to jest o jak ale po co tak za człowiek społeczeństwo szczęście',
  'a v se na je že s z do o i to jako za by jsem který příliš žluťoučký kůň',
  'și de a în la cu un o pe că nu este pentru din mai se au oameni libertate învățământ',
  've bir bu da için ile çok olarak daha gibi sonra kadar olan özgürlük değiştirilebilirlik güneş',
  'và của là có không được người một các cho trong những với đã việc tự do bình đẳng nghĩa',
  'и в не на что я с он как это по но они мы за все человек свобода достоинство правительство',
  'і в не на що я з як це до та він вони люди свобода гідність незалежність їхній',
  'και το να του η της με που την από για τα είναι στο δεν άνθρωπος ελευθερία αξιοπρέπεια',
  'في من على أن إلى هذا التي الذي عن مع كان بعد كل الإنسان الحرية والكرامة المساواة',
  'של את על לא זה הוא עם כל כי אני גם היה יותר בני אדם חופש וכבוד זכויות',
  'و در به از که این را با است برای آن یک خود انسان آزادی کرامت برابری می‌خواهم',
  'के में की है और से का को पर यह हैं लिए एक नहीं मनुष्य स्वतंत्रता अधिकार समानता',
  'এবং করে এই থেকে একটি হয় তার জন্য মানুষ স্বাধীনতা মর্যাদা অধিকার সমান',
  'மற்றும் ஒரு இந்த அவர் என்று உள்ள மனிதர் சுதந்திரம் உரிமை சமத்துவம்',
  'และ ที่ ใน เป็น มี การ ของ ได้ ไม่ ว่า มนุษย์ เสรีภาพ ศักดิ์ศรี สิทธิ',
  'の に は を た が で て と し れ さ ある いる も する から な こと 人間 自由 尊厳 権利 コンピューター',
  '이 그 는 을 의 에 가 한 하고 있다 것 수 사람 자유 존엄 권리 평등 대한민국',
  'და არის რომ ეს მე არ თუ ადამიანი თავისუფლება ღირსება უფლება',
  'և է որ մի են այս նա մարդ ազատություն արժանապատվություն իրավունք',
  'dan yang di itu dengan untuk ini dari dalam tidak manusia kebebasan martabat pertanggungjawaban',
  'na ya wa kwa ni katika za la kuwa watu uhuru heshima haki usawa mwanadamu',
];

export const PICTOGRAMS =
  '😀 😂 ❤️ 👍 🎉 🔥 ✨ 😭 🙏 😍 🤔 👍🏽 🚀 💯 👀 🥺 🤷‍♀️ 👩‍💻 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 🇯🇵 🇧🇷 1️⃣ #️⃣ ⚡ ☀️ ☕ ♥ ★ → ⇒ ≤ ≠ ∞ ∑ ∫ √ ° ± × € £ █ ▓ ░ ─ │ ┌ ┐ └ ┘ ● ○ ■ □ ◆ ♪ ♫ ☎ ✓ ✗ ™ © 𝔸 𝕏 🀄 🂡 🏴󠁧󠁢󠁥󠁮󠁧󠁿'.split(
    ' ',
  );
