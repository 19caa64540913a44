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

export const PICTOGRAMS =
  '😀 😂 ❤️ 👍 🎉 🔥 ✨ 😭 🙏 😍 🤔 👍🏽 🚀 💯 👀 🥺 🤷‍♀️ 👩‍💻 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 🇯🇵 🇧🇷 1️⃣ #️⃣ ⚡ ☀️ ☕ ♥ ★ → ⇒ ≤ ≠ ∞ ∑ ∫ √ ° ± × € £ █ ▓ ░ ─ │ ┌ ┐ └ ┘ ● ○ ■ □ ◆ ♪ ♫ ☎ ✓ ✗ ™ © 𝔸 𝕏 🀄 🂡 🏴󠁧󠁢󠁥󠁮󠁧󠁿'.split(
    ' ',
  );
