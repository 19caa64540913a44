/** The style sheet of the page. Colours are variables, so that light and dark differ in one place. */
export const STYLE = `
:root{color-scheme:light dark;--paper:#f6f5f2;--card:#fff;--ink:#1c1b1a;--soft:#66625c;--line:#e2dfd8;--accent:#0b6e6e;
--bar:#5aa7a1;--good:#1f7a3d;--bad:#b3261e;--mid:#8a5a00;--mark:#dff0ee;--shade:#efede8}
@media(prefers-color-scheme:dark){:root{--paper:#141517;--card:#1d1f22;--ink:#ececea;--soft:#a5a29c;--line:#33363b;--accent:#6cc7c0;
--bar:#3f8f8a;--good:#6fcf8f;--bad:#ff8a80;--mid:#f0c060;--mark:#17393a;--shade:#26292d}}
*{box-sizing:border-box}
html{scroll-padding-top:5rem}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main,header.top,footer{max-width:70rem;margin:0 auto;padding:0 1rem}
header.top{padding-top:2.5rem}
h1{font-size:clamp(1.5rem,4vw,2.1rem);line-height:1.2;margin:0;letter-spacing:-.015em;overflow-wrap:anywhere}
h2{font-size:1.3rem;margin:2.5rem 0 .75rem;letter-spacing:-.01em}
h3{font-size:1.05rem;margin:2rem 0 .6rem}
p{margin:.4rem 0}
.soft,caption,figcaption{color:var(--soft);font-size:.9rem}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:4px}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.5rem;background:var(--card);padding:.5rem 1rem;z-index:2}
nav ul{display:flex;flex-wrap:wrap;gap:.4rem 1rem;list-style:none;padding:0;margin:1rem 0 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:1.1rem 1.25rem}
.headline{display:grid;grid-template-columns:auto 1fr;gap:.5rem 2rem;align-items:center}
.headline .value{font-size:clamp(2.2rem,8vw,3.4rem);font-weight:650;line-height:1;letter-spacing:-.03em;font-variant-numeric:tabular-nums}
.headline .gauge{width:100%;height:34px;display:block}
.facts{display:flex;flex-wrap:wrap;gap:.35rem .5rem;margin:.9rem 0 0;padding:0;list-style:none}
.facts li{background:var(--shade);border-radius:99px;padding:.1rem .75rem;font-size:.88rem;overflow-wrap:anywhere}
.facts .warn{color:var(--bad);font-weight:600}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
caption{text-align:left;padding-bottom:.4rem}
th,td{text-align:right;padding:.4rem .6rem;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:7rem}
thead th{color:var(--soft);font-weight:500;font-size:.86rem;vertical-align:bottom}
tbody th{font-weight:500}
tr.ours{background:var(--mark)}
tr.ours th,tr.ours td{font-weight:700}
.chart th.bar{text-align:left;padding-left:.25rem}
.chart td.bar{width:55%;min-width:9rem;padding:.35rem .25rem}
.chart svg{width:100%;height:22px;display:block;overflow:visible}
.track{fill:var(--shade)}.fill{fill:var(--bar)}
.error{stroke:var(--ink);stroke-width:1.6;fill:none;vector-effect:non-scaling-stroke}
.range{fill:var(--bar)}.point{stroke:var(--ink);stroke-width:3;vector-effect:non-scaling-stroke}
.tools{position:sticky;top:0;z-index:1;background:var(--paper);padding:.7rem 0;display:flex;flex-wrap:wrap;gap:.6rem;align-items:end;border-bottom:1px solid var(--line)}
.tools label{display:grid;gap:.15rem;font-size:.82rem;color:var(--soft);flex:1 1 9rem;min-width:0}
.tools label.wide{flex:2 1 14rem}
input,select{font:inherit;color:var(--ink);background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.45rem .6rem;width:100%;min-width:0}
.count{flex:1 0 100%;margin:0;font-size:.88rem;color:var(--soft)}
.samples{display:grid;gap:1rem;margin:1rem 0 0;padding:0;list-style:none}
.sample{display:grid;grid-template-columns:minmax(0,18rem) minmax(0,1fr);gap:1rem 1.5rem}
.sample[hidden],.none[hidden]{display:none}
.sample header{grid-column:1/-1;display:flex;flex-wrap:wrap;gap:.2rem .8rem;align-items:baseline}
.sample h4{margin:0;font-size:1rem;overflow-wrap:anywhere}
.pill{border-radius:99px;padding:.05rem .65rem;font-size:.85rem;font-weight:600;border:1.5px solid currentColor}
.good{color:var(--good)}.bad{color:var(--bad)}.mid{color:var(--mid)}
.pictures{max-height:26rem;overflow:auto;border-radius:8px;background:var(--shade);align-self:start}
.pictures img{display:block;max-width:100%;height:auto;margin:0 auto}
.pictures img+img{margin-top:.5rem}
.pictures p{padding:.6rem .8rem}
dl{margin:0;display:grid;grid-template-columns:5.5rem minmax(0,1fr);gap:.45rem .8rem;align-content:start}
dt{color:var(--soft);font-size:.88rem;padding-top:.1rem}
dd{margin:0}
.text{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;display:block;max-height:16rem;overflow:auto}
.answer{border-left:3px solid var(--bar);padding-left:.6rem}
details{margin-top:.2rem}summary{cursor:pointer;color:var(--soft);font-size:.88rem}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.82rem;background:var(--shade);border-radius:8px;padding:.6rem .8rem;margin:.4rem 0 0;max-height:16rem;overflow:auto}
footer{padding:3rem 1rem 2rem;color:var(--soft);font-size:.88rem}
@media(max-width:44rem){.headline,.sample{grid-template-columns:minmax(0,1fr)}
.chart thead{position:absolute;left:-99rem}.chart tr{display:grid;grid-template-columns:1fr auto;border-bottom:1px solid var(--line);padding:.4rem 0}
.chart th,.chart td{border:0;padding:.1rem 0}.chart td.bar{grid-column:1/-1;grid-row:2;width:auto}.chart td.n{display:none}
dl{grid-template-columns:minmax(0,1fr);gap:.1rem}dd{margin-bottom:.5rem}.tools{position:static}}
@media print{.tools,nav,.skip{display:none}.card{break-inside:avoid}}
@media(forced-colors:active){.fill,.range{fill:Highlight}.track{fill:Canvas;stroke:CanvasText}.error,.point{stroke:CanvasText}}
`;
