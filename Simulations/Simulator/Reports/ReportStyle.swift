/// How a page looks.
///
/// Colours of lines come from the palette of Okabe and Ito, made for colour-blind eyes, darkened on white and lightened
/// on black until they stand out by 3 to 1. No meaning rests on colour alone: lines differ in dashes, marks and names,
/// outcomes in signs and words. Paper gets the light colours.
enum ReportStyle {
    static let sheet: StaticString = """
        :root {
          --page: #f6f7f9; --card: #ffffff; --ink: #1a1d21; --soft: #59616b; --faint: #8a929c; --edge: #dfe3e8;
          --grid: #e3e6ea; --axis: #9aa2ac; --good: #14733f; --good-back: #e6f4ec; --bad: #b3261e; --bad-back: #fcebe9;
          --open: #8a5a00; --open-back: #fbf1dc; --boot: #eef0f3; --faults: #fdf4e7; --calm: #eef6fb;
          --fault: #e0a04a; --fault-edge: #b87413; --limit: #4a5058; --code: #eef0f3;
          --s0: #0a67b0; --s1: #d2540a; --s2: #00815c; --s3: #a8448a; --s4: #9c7200; --s5: #6a55c2; --s6: #2583a6;
          --s7: #4f565e;
          color-scheme: light;
        }
        @media screen and (prefers-color-scheme: dark) {
          :root {
            --page: #101317; --card: #181c21; --ink: #e7eaee; --soft: #a7b0ba; --faint: #7b848e; --edge: #2b3138;
            --grid: #2a3037; --axis: #626b75; --good: #57c78b; --good-back: #14291e; --bad: #ff8a80;
            --bad-back: #351b1a; --open: #e9bd57; --open-back: #30270f; --boot: #1f242a; --faults: #292318;
            --calm: #19252e; --fault: #8a6226; --fault-edge: #d99a3d; --limit: #c3cad2; --code: #22272e;
            --s0: #62b3ee; --s1: #f28c4b; --s2: #35c495; --s3: #e08fc4; --s4: #e3bb4b; --s5: #ada0f7; --s6: #74d0e8;
            --s7: #c0c6cd;
            color-scheme: dark;
          }
        }
        * { box-sizing: border-box; }
        html { background: var(--page); color: var(--ink); -webkit-text-size-adjust: 100%; }
        body { margin: 0; font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans",
          sans-serif; font-variant-numeric: tabular-nums; }
        main { max-width: 1180px; margin: 0 auto; padding: 36px 24px 72px; }
        h1 { margin: 0 0 16px; font-size: 30px; line-height: 1.2; letter-spacing: -0.01em; overflow-wrap: anywhere; }
        h2 { margin: 0 0 6px; font-size: 20px; line-height: 1.3; }
        h3 { margin: 0; font-size: 15px; line-height: 1.4; }
        p { margin: 0; }
        section { margin-top: 44px; }
        code, .code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
          font-size: 0.92em; overflow-wrap: anywhere; }
        .eyebrow { color: var(--soft); font-size: 13px; }
        .note { color: var(--soft); font-size: 14px; margin-bottom: 14px; max-width: 80ch; }
        .outcome { display: flex; gap: 18px; align-items: center; padding: 18px 22px; border-radius: 12px;
          border: 1px solid; }
        .outcome.good { color: var(--good); background: var(--good-back); }
        .outcome.bad { color: var(--bad); background: var(--bad-back); }
        .outcome.open { color: var(--open); background: var(--open-back); }
        .sign { width: 46px; height: 46px; flex: none; }
        .sign circle { fill: currentColor; }
        .sign path { fill: none; stroke: var(--card); stroke-width: 5; stroke-linecap: round; stroke-linejoin: round; }
        .headline { font-size: 28px; font-weight: 700; line-height: 1.2; overflow-wrap: anywhere; }
        .sentence { color: var(--ink); overflow-wrap: anywhere; }
        .why { margin: 18px 0 0; font-size: 17px; max-width: 78ch; }
        .why strong { color: var(--soft); font-weight: 600; margin-right: 4px; }
        dl, dd, dt { margin: 0; }
        .figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(168px, 1fr)); gap: 12px;
          margin-top: 24px; }
        .tile { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: 12px 16px; }
        .tile dt { color: var(--soft); font-size: 13px; }
        .tile dd { font-size: 22px; font-weight: 650; line-height: 1.3; overflow-wrap: anywhere; }
        .facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(168px, 1fr)); gap: 12px 24px;
          margin: 24px 0 0; }
        .facts .long { grid-column: span 2; }
        .facts dt { color: var(--soft); font-size: 13px; }
        .facts dd { overflow-wrap: anywhere; }
        .again { margin-top: 20px; color: var(--soft); font-size: 14px; }
        .again code { color: var(--ink); background: var(--code); border-radius: 6px; padding: 4px 8px; }
        .failed { border: 1px solid var(--bad); border-left-width: 5px; border-radius: 10px; background: var(--card);
          padding: 18px 22px; overflow-wrap: anywhere; }
        .where { color: var(--soft); margin-bottom: 14px; }
        .sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); gap: 14px 28px; }
        .sides dt { color: var(--soft); font-size: 13px; }
        .sides dd { font-size: 17px; }
        .waits { margin: 8px 0 0; padding-left: 20px; }
        figure.chart { margin: 0 0 14px; background: var(--card); border: 1px solid var(--edge); border-radius: 10px;
          padding: 14px 18px 10px; break-inside: avoid; }
        figcaption { display: flex; gap: 10px; align-items: baseline; margin-bottom: 8px; }
        .unit { color: var(--soft); font-size: 13px; }
        .silence { color: var(--soft); padding: 2px 0 6px; }
        .drawing { overflow-x: auto; }
        .drawing svg { display: block; width: 100%; min-width: 760px; height: auto; }
        .strip { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: 10px 18px 6px;
          margin-bottom: 10px; }
        .strip.stays { position: sticky; bottom: 8px; box-shadow: 0 2px 14px rgb(0 0 0 / 0.14); }
        #events .drawing { background: var(--card); border: 1px solid var(--edge); border-radius: 10px;
          padding: 12px 18px; }
        svg text { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
          fill: var(--ink); font-variant-numeric: tabular-nums; }
        svg .tick, svg .phase, svg .name-value { fill: var(--soft); }
        svg .name { font-size: 12px; }
        svg .phase-boot { fill: var(--boot); } svg .phase-faults { fill: var(--faults); }
        svg .phase-calm { fill: var(--calm); }
        .grid { stroke: var(--grid); stroke-width: 1; }
        .axis { stroke: var(--axis); stroke-width: 1; }
        .limit { stroke: var(--limit); stroke-width: 1.2; stroke-dasharray: 3 4; }
        svg .limit-name { fill: var(--limit); font-style: italic; paint-order: stroke; stroke: var(--card);
          stroke-width: 3px; stroke-linejoin: round; }
        .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: butt; }
        .leader { fill: none; stroke: var(--axis); stroke-width: 0.7; }
        .s0 { stroke: var(--s0); }
        .s1 { stroke: var(--s1); stroke-dasharray: 8 2.5; }
        .s2 { stroke: var(--s2); stroke-dasharray: 2.5 2; }
        .s3 { stroke: var(--s3); stroke-dasharray: 10 2.5 2.5 2.5; }
        .s4 { stroke: var(--s4); stroke-width: 2.6; }
        .s5 { stroke: var(--s5); stroke-dasharray: 5 2.5; }
        .s6 { stroke: var(--s6); stroke-dasharray: 12 2.5 2.5 2.5 2.5 2.5; }
        .s7 { stroke: var(--s7); stroke-width: 1.2; }
        .line.again { stroke-width: 3.4; stroke-opacity: 0.6; }
        .mark { stroke: var(--card); stroke-width: 1; }
        .m0 { fill: var(--s0); } .m1 { fill: var(--s1); } .m2 { fill: var(--s2); } .m3 { fill: var(--s3); }
        .m4 { fill: var(--s4); } .m5 { fill: var(--s5); } .m6 { fill: var(--s6); } .m7 { fill: var(--s7); }
        .fault { fill: var(--fault); }
        .fault.wide { stroke: var(--fault-edge); stroke-width: 1; fill-opacity: 0.45; }
        .failure { stroke: var(--bad); stroke-width: 1.6; }
        svg .failure-name { fill: var(--bad); font-weight: 700; }
        svg .fatal { fill: var(--bad-back); }
        .life { stroke: var(--axis); stroke-width: 1; stroke-dasharray: 2 3; }
        .life.guilty { stroke: var(--bad); stroke-dasharray: none; }
        svg .peer { fill: var(--code); stroke: var(--edge); }
        svg .peer.guilty { fill: var(--bad-back); stroke: var(--bad); }
        svg .peer-name { font-weight: 600; } svg .peer-name.guilty { fill: var(--bad); }
        .arrow { stroke: var(--s0); stroke-width: 1.4; }
        .tip, .tail { fill: var(--s0); }
        .own { fill: var(--s1); }
        svg .kind { font-weight: 600; }
        details { margin-top: 4px; font-size: 13px; }
        summary { cursor: pointer; color: var(--soft); padding: 4px 0; width: max-content; }
        summary:hover { color: var(--ink); }
        .scroll { overflow: auto; max-height: 70vh; }
        table { border-collapse: collapse; font-size: 14px; }
        th { text-align: left; font-weight: 600; color: var(--soft); position: sticky; top: 0;
          background: var(--card); }
        th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--edge); vertical-align: top; }
        .numbers th, .numbers td { text-align: right; white-space: nowrap; padding: 2px 0 2px 20px; }
        .numbers th { background: var(--card); }
        .numbers td.words { text-align: left; white-space: normal; overflow-wrap: anywhere; }
        .numbers tr.fatal td { background: var(--bad-back); }
        #invariants .scroll { max-height: none; }
        .invariants { width: 100%; }
        .invariants th { background: var(--page); }
        .invariants .count { text-align: right; white-space: nowrap; }
        .invariants .id { font-weight: 650; white-space: nowrap; }
        .invariants td:first-child, .invariants th:first-child { padding-left: 10px; }
        .invariants th:last-child, .invariants .state { padding-left: 14px; }
        .invariants .state { white-space: nowrap; color: var(--soft); }
        .invariants .reason { display: block; color: var(--soft); }
        .invariants .broken td { background: var(--bad-back); }
        .invariants .broken .state { color: var(--bad); font-weight: 700; }
        .invariants .silent .state { color: var(--open); font-weight: 700; }
        .invariants .silent td { background: var(--open-back); }
        @media print {
          html { background: none; }
          main { max-width: none; padding: 0; }
          * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
          .drawing, .scroll { overflow: visible; max-height: none; }
          .drawing svg { min-width: 0; }
          .strip.stays { position: static; box-shadow: none; }
          .strip, .failed, .tile, tr { break-inside: avoid; }
          h2, h3, .note { break-after: avoid; }
          th { position: static; background: none !important; }
          details:not([open]) { display: none; }
        }

        """
}
