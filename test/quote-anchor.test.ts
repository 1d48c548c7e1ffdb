import fc from 'fast-check'
import t from 'tap'
import { anchorQuote } from '../src/quotes/anchor.ts'
import { fold } from '../src/quotes/fold.ts'
import { reanchorAll, reanchorQuote } from '../src/quotes/reanchor.ts'
import { cut, type Span, spanFaults } from '../src/quotes/spans.ts'
import type { Anchored, QuoteState } from '../src/quotes/state.ts'
import { runs } from './size.ts'

/** A text in which [brackets] stand around the spans: the text without them, and the spans. */
function marked(text: string): { plain: string; spans: Span[] } {
  const spans: Span[] = []
  let plain = ''
  let size = 0
  let start = 0
  for (const char of text) {
    if (char === '[') start = size
    else if (char === ']') spans.push({ start, end: size })
    else {
      plain += char
      size++
    }
  }
  return { plain, spans }
}

/** The promise itself, for every answer: what is verified is cut out exactly, and only that. */
function assertKept(text: string, plain: string, { state, spans, found }: Anchored) {
  if (state === 'verified' || state === 'altered') {
    if (spans.length === 0) throw new Error(`${state} without spans`)
    const size = [...plain].length
    spans.forEach(({ start, end }, i) => {
      const from = spans[i - 1]?.end ?? 0
      if (!(from <= start && start < end && end <= size)) throw new Error('faulty spans')
    })
  } else if (spans.length > 0) throw new Error(`${state} with spans`)
  const same = fold(cut(plain, spans)).text === fold(text).text
  if (state === 'verified' && !same) throw new Error(`verified: ${cut(plain, spans)}`)
  if (state === 'altered' && found !== cut(plain, spans)) throw new Error(`found: ${found}`)
  if (state !== 'altered' && found !== undefined) throw new Error(`found although ${state}`)
}

t.test('fold: what two prints of the same words may differ in', (t) => {
  const same: [string, string][] = [
    ['It’s “so”', 'It\'s "so"'],
    ['It‘s „so‟', 'It`s «so»'],
    ['Hawaiʻi', 'Hawai’i'],
    ['a\u00A0b\u2009c\n\nd\t e', 'a b c d e'],
    ['un\u00ADsink\u00ADable', 'unsinkable'],
    ['a \u00AD b', 'a b'],
    ['cafe\u0301', 'café'],
    ['cafe\u00AD\u0301', 'café'],
    ['\u1112\u1161\u11AB', '한'],
    ['\u212B', 'Å'],
    ['up\u200B\u2060\uFEFFward', 'upward'],
  ]
  for (const [a, b] of same) t.equal(fold(a).text, fold(b).text, `${a} is ${b}`)
  const different: [string, string][] = [
    ['We won', 'we won'],
    ['resume', 'résumé'],
    ["5'", '5"'],
    ['cannot', 'can not'],
    ['1,000', '1.000'],
    ['Not so', 'Now so'],
    ['so.', 'so'],
    ['\u0645\u06CC\u200C\u062E', '\u0645\u06CC\u062E'],
  ]
  for (const [a, b] of different) t.not(fold(a).text, fold(b).text, `${a} is not ${b}`)
  t.equal(fold('“a”\n\n ‘b’').text, '"a" \'b\'')
  t.end()
})

const anyText = fc.string({
  unit: fc.constantFrom(
    ...'aeo .,’“”"\'«»',
    ...[
      '\u0301',
      '\u0323',
      'é',
      '\u00AD',
      '\u00A0',
      '\n',
      '\n\n',
      '🌊',
      '👩‍🚀',
      '🇺🇦',
      '𝒜',
      '\u200D',
    ],
    ...['\u1112', '\u1161', '\u11AB', '한', '\u212B', '\u1FEF', '\uFEFF', 'นำ', 'not', '5', '東'],
  ),
  maxLength: 60,
})

t.test('fold: equals its definition, and knows the way back', (t) => {
  fc.assert(
    fc.property(anyText, (text) => {
      const { text: folded, starts, ends } = fold(text)
      const visible = text.replaceAll(/[\u00AD\u200B\u2060\uFEFF]/g, '').normalize('NFC')
      const expected = visible
        .replaceAll(/[“”«»]/g, '"')
        .replaceAll(/[’`]/g, "'")
        .replaceAll(/\s+/g, ' ')
      if (folded !== expected) throw new Error(`${folded} is not ${expected}`)
      if (fold(folded).text !== folded) throw new Error('folding twice changes it')
      for (let i = 0; i < folded.length; i++) {
        const spans = [{ start: starts[i] ?? -1, end: ends.at(-1) ?? -1 }]
        if (starts[i] === starts[i - 1]) continue
        if (fold(cut(text, spans)).text !== folded.slice(i))
          throw new Error(`unit ${i} is elsewhere`)
      }
    }),
    { numRuns: runs(500) },
  )
  t.end()
})

t.test('cut: code points, stretches joined by one space', (t) => {
  t.equal(cut('🌊a👩‍🚀b', [{ start: 1, end: 2 }]), 'a')
  t.equal(
    cut('🌊🌊ab cd', [
      { start: 1, end: 3 },
      { start: 5, end: 7 },
    ]),
    '🌊a cd',
  )
  t.equal(cut('plain', [{ start: 0, end: 5 }]), 'plain')
  t.end()
})

t.test('spanFaults: each fault has its message', (t) => {
  const text =
    'e\u0301 “The tide 🌊,” said X, “👩‍🚀 can’t go.” Il parle de l’eau: 1,000. Not I am not it'
  const at = (words: string) => {
    const start = [...text.slice(0, text.indexOf(words))].length
    return { start, end: start + [...words].length }
  }
  t.same(spanFaults([at('The tide 🌊'), at('👩‍🚀 can’t go.')], text), [], 'an interruption')
  t.same(spanFaults([at('eau')], text), [], 'after an elided article')
  t.same(spanFaults([{ start: 0, end: [...text].length }], text), [], 'the whole text')
  const faulty: [Span[], RegExp][] = [
    [[{ start: 3, end: 3 }], /must start before it ends/],
    [[{ start: 4, end: 3 }], /must start before it ends/],
    [[{ start: -1, end: 3 }], /is outside the text/],
    [[{ start: 3, end: [...text].length + 1 }], /is outside the text/],
    [[{ start: 3, end: text.length }], /is outside the text/],
    [[{ start: 0.5, end: 3 }], /whole numbers/],
    [[at('👩‍🚀 can’t go.'), at('The tide 🌊')], /^span 2 .* must start after the one before it/],
    [[at('The tide'), at('tide 🌊')], /must start after the one before it/],
    [[{ start: 0, end: 1 }], /ends inside e\u0301/u],
    [[{ start: 1, end: 2 }], /starts inside/],
    [[{ ...at('👩‍🚀'), end: at('👩‍🚀').start + 1 }], /ends inside 👩‍🚀/u],
    [[at('can')], /ends inside can’t/],
    [[at('000')], /starts inside 1,000/],
    [[at('am'), at('it')], /must go on after an interruption; before it stands: {2}not/],
    [[at('Not I'), at('it')], /must go on after an interruption/],
    [[{ ...at('Il'), start: at('Il').start }, at('parle')], /must go on after an interruption/],
  ]
  for (const [spans, message] of faulty) {
    const faults = spanFaults(spans, text)
    t.equal(faults.length > 0, true, `${JSON.stringify(spans)} is faulty`)
    t.match(faults.join('\n'), message)
    t.throws(() => anchorQuote({ text: 'x', spans }, text), RangeError)
  }
  const apart = [
    { start: 1, end: 7 },
    { start: 10, end: 18 },
  ]
  t.match(spanFaults(apart, '“We won” “and lost”').join(), /must go on after an interruption/)
  t.equal(
    spanFaults(
      [
        { start: 4, end: 3 },
        { start: -1, end: 900 },
      ],
      text,
    ).length,
    2,
    'all of them',
  )
  t.end()
})

t.test('spanFaults: never through a character of several code points', (t) => {
  const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
  fc.assert(
    fc.property(anyText, fc.nat(60), (text, unit) => {
      const segment = graphemes.segment(text).containing(unit)
      if (!segment || segment.index === unit || /\r/.test(segment.segment)) return
      if ((text.codePointAt(unit) ?? 0) < 0x10000 && /[\uDC00-\uDFFF]/.test(text[unit] ?? ''))
        return
      // A mark that begins a text or follows a space or a control joins nothing that could be cut.
      if (/^[\s\p{C}]/u.test(segment.segment)) return
      const edge = [...text.slice(0, unit)].length
      const size = [...text].length
      const faults = [
        ...(edge < size ? spanFaults([{ start: edge, end: size }], text) : []),
        ...spanFaults([{ start: 0, end: edge }], text),
      ]
      if (faults.length === 0) throw new Error(`${JSON.stringify(segment)} is cut at ${unit}`)
    }),
    { numRuns: runs(500) },
  )
  t.end()
})

t.test('anchorQuote: a quote is first tied to a text', (t) => {
  // biome-ignore format: a table, one row a line
  const rows: [string, string, string, QuoteState, string?][] = [
    ['once', 'No comment', 'She said “[No comment]” and left.', 'verified'],
    ['bare', 'No comment', 'She said [No comment] and left.', 'verified'],
    ['other marks', "It's “so”", 'He: "[It’s \'so\']"'.replaceAll("'so'", '„so“'), 'verified'],
    ['other spaces', 'No comment at all', '🌊 “[No\u00A0comment\nat\u00AD all].”', 'verified'],
    ['decomposed', 'cafe\u0301 🌊', '🌊 “[café 🌊]”', 'verified'],
    ['a word of its own', 'he came', 'The camera; [he came].', 'verified'],
    ['not within a word', 'he came', 'Says the camera.', 'orphaned'],
    ['not within can’t', 'We can', '“We can’t,” he said.', 'orphaned'],
    ['not within a number', 'It cost 5', '“[It cost 5.5] million.”', 'altered', 'It cost 5.5'],
    ['not within a character', 'The e', 'x 👩‍🚀 “[The ẹ]” y', 'altered', 'The ẹ'],
    ['without spaces', '潮が来た', '彼女は「[潮が来た]」と述べた。', 'verified'],
    ['interrupted', 'The tide came in and it did not stop.', '🌊 “[The tide came in],” said X, “[and it did not stop.]”', 'verified'],
    ['interrupted by a full stop', 'We won. We did.', '"[We won.]" X said. "[We did.]"', 'verified'],
    ['single marks', 'We won and it’s done', '‘[We won],’ X’s aide said, ‘[and it’s done]’', 'verified'],
    ['comma of its own', 'Yes, we won', '“[Yes,]” said X, “[we won]”', 'verified'],
    ['twice interrupted', 'A b c d e f', '“[A b],” x said, “[c d],” he said. “[e f]”', 'verified'],
    ['two paragraphs', 'We won. We did.', '“[We won.]\n\n“[We did.]”', 'verified'],
    ['not across paragraphs', 'We won and we did', '“We won,” said X.\n\nY: “[and we did]”', 'altered', 'and we did'],
    ['not over a long way', 'We won and we did', `“We won,” ${'who '.repeat(51)}“[and we did]”`, 'altered', 'and we did'],
    ['not without marks', 'I am guilty', '“[I am not guilty],” he said.', 'altered', 'I am not guilty'],
    ['not without words between', 'We won and lost', '“[We won” “and lost]”', 'altered', 'We won” “and lost'],
    ['two bare', 'No comment', 'No comment. No comment.', 'ambiguous'],
    ['two quoted', 'No comment', '“No comment,” said A. “No comment,” said B.', 'ambiguous'],
    ['quoted and bare', 'No comment', 'No comment, they say.\n\n“[No comment],” said A.', 'verified'],
    ['inside a longer quotation', 'the tide', 'Now the tide: “And [the tide] came,” said A.', 'verified'],
    ['one quoted whole, one in part', 'the tide', '“the tide,” said A. “And the tide came,” B said.', 'ambiguous'],
    ['changed word', 'We will not leave the town', '“[We will not leave the city],” A said.', 'altered', 'We will not leave the city'],
    ['dropped not', 'We will not leave', '“[We will leave],” said A.', 'altered', 'We will leave'],
    ['changed number', 'It took 17 days', '“[It took 71 days],” said A.', 'altered', 'It took 71 days'],
    ['changed case', 'We Won', 'So: “[We won]”', 'altered', 'We won'],
    ['misspelt', 'No comment', 'So: “[No coment]”', 'altered', 'No coment'],
    ['not without what is joined to it', 'Yes. No.', '[Yes. No.\u11AB] So', 'altered', 'Yes. No.\u11AB'],
    ['nothing like it', 'We will not leave', 'The tide came in.', 'orphaned'],
    ['empty text', 'We will', '', 'orphaned'],
    ['nothing to look for', ' \u00AD ', 'We will', 'orphaned'],
  ]
  for (const [name, text, expected, state, found] of rows) {
    const { plain, spans } = marked(expected)
    const anchored = anchorQuote({ text }, plain)
    t.same(anchored, { state, spans, ...(found && { found }) }, name)
    assertKept(text, plain, anchored)
  }
  t.end()
})

t.test('anchorQuote: with spans that were given', (t) => {
  const tie = (text: string, place: string) => {
    const { plain, spans } = marked(place)
    return anchorQuote({ text, spans }, plain)
  }
  t.match(tie('No comment', '“No comment,” said A. “[No comment],” said B.'), {
    state: 'verified',
    spans: [{ start: 23, end: 33 }],
  })
  t.match(tie('Il vient et part', '« [Il vient], dit-elle, [et part] »'), { state: 'verified' })
  t.match(tie('We lost', '“[We won],” said A. “We lost,” said B.'), {
    state: 'altered',
    spans: [{ start: 1, end: 7 }],
    found: 'We won',
  })
  t.same(tie('No comment', '“[The tide],” said A. “No comment.”'), { state: 'orphaned', spans: [] })
  t.match(anchorQuote({ text: 'No comment', spans: [] }, '“No comment.”'), { state: 'verified' })
  t.end()
})

type Row = [
  name: string,
  text: string,
  before: string,
  after: string,
  state: QuoteState,
  more?: { found?: string; was?: QuoteState },
]

t.test('reanchorQuote: a quote follows its text through an edit', (t) => {
  const tide = 'The tide came in and it did not stop.'
  const ana = 'Lead.\n\n“[No comment],” said Ana.\n\nEnd.'
  const both = 'Lead.\n\n“[No comment],” said Ana. “No comment,” said Ben.\n\nEnd.'
  // biome-ignore format: a table, one row a line
  const rows: Row[] = [
    // In its place
    ['same text', 'No comment', ana, ana, 'verified'],
    ['text before it', 'No comment', ana, `🌊 ${ana}`, 'verified'],
    ['another attribution', 'No comment', ana, ana.replace('said Ana', 'Ana told us'), 'verified'],
    ['much around it anew', 'No comment', `So it was. ${ana}`, `So it was. Lead.\n\nThen “[No comment]” was all there was!`, 'verified'],
    ['all around it anew', 'We will not leave this old town now', 'Lead.\n\n“[We will not leave this old town now],” said Ana.', 'X\n\nThen “[We will not leave this old town now]” was it!', 'verified'],
    ['marks made straight', 'It’s so', 'A “[It’s so],” said B.', 'A "[It\'s so]," said B.', 'verified'],
    ['spaces and soft hyphens', 'It is so', '“[It is so]”', '“[It\u00A0is\n\n so\u00AD]”'.replace('\u00AD]', ']'), 'verified'],
    ['paragraphs joined', 'Yes. We do.', '“[Yes.\n\nWe do.]” A', '“[Yes. We do.]” A', 'verified'],
    ['bare, marks removed', 'We won', 'So “[We won],” said A.', 'So [We won], said A.', 'verified'],
    ['interrupted by the edit', tide, `“[${tide}]” said X.`, '“[The tide came in],” said X, “[and it did not stop.]”', 'verified'],
    ['no longer interrupted', tide, '“[The tide came in],” said X, “[and it did not stop.]”', `“[${tide}]” said X.`, 'verified'],
    ['another interruption', tide, '“[The tide came in],” said X, “[and it did not stop.]”', '“[The tide came in],” Y told us, “[and it did not stop.]”', 'verified'],
    ['between commas, as given', 'Il vient et part', '« [Il vient], dit-elle, [et part] »', 'Oui. « [Il vient], dit-il, [et part] »', 'verified'],
    ['part of a word, as given', 'eau', 'Il parle de l’[eau].', 'Elle parle de l’[eau].', 'verified'],
    ['among its repetitions', 'No', 'A a. “[No],” he said. “No,” he said. “No,” he said. C c.', 'X x. “[No],” he said. “No,” he said. “No,” he said. Z z.', 'verified'],
    ['after another quotation', 'No comment', '“That is that.” “[No comment],” said Ana.\n\n“No comment,” said Ben.', '“That is that.” So it was. “[No comment],” said Ana.', 'verified'],
    ['said as another one was', 'No comment', 'Lead.\n\n“[No comment],” said Ana Brown late on Sunday.\n\nEnd.\n\n“No comment,” muttered Ben.', 'Lead.\n\n“[No comment],” muttered Ana.\n\nEnd.', 'verified'],
    ['short, paragraphs joined', 'Yes. No', 'Lead. “[Yes.\n\nNo],” A b c.', 'Lead. “[Yes. No],” A b d.', 'verified'],
    // Changed
    ['attribution drawn into it', tide, '“[The tide came in],” said X, “[and it did not stop.]”', '“[The tide came in, said X, and it did not stop.]”', 'altered', { found: 'The tide came in, said X, and it did not stop.' }],
    ['one word in common', 'No comment at all from the mayor', 'Lead.\n\n“[No comment at all from the mayor],” said Ana.\n\nEnd.', 'Lead.\n\n“Everybody left at midnight yesterday,” said Ana.\n\nEnd.', 'orphaned'],
    ['changed word', 'No comment', ana, ana.replace('comment', 'remark'), 'altered', { found: 'No remark' }],
    ['dropped not', 'We do not know', '“[We do not know],” A said.', '“[We do know],” A said.', 'altered', { found: 'We do know' }],
    ['added not', 'We do know', '“[We do know],” A said.', '“[We do not know],” A said.', 'altered', { found: 'We do not know' }],
    ['a sign joined to its last one', 'Yes. No.', '“[Yes. No.]” A', '“[Yes. No.\u11AB]” A', 'altered', { found: 'Yes. No.\u11AB' }],
    ['not put before its mark', 'I did', '“[I did],” A said.', '“[I did not],” A said.', 'altered', { found: 'I did not' }],
    ['words put after its mark', 'I did', 'So “[I did],” A said.', 'So “[Maybe I did],” A said.', 'altered', { found: 'Maybe I did' }],
    ['can to can’t', 'We can', '“[We can],” A said.', '“[We can’t],” A said.', 'altered', { found: 'We can’t' }],
    ['changed number', 'It cost 5', 'An “[It cost 5] million” bill', 'An “[It cost 5.5] million” bill', 'altered', { found: 'It cost 5.5' }],
    ['negative number', 'At 5 degrees', '“[At 5 degrees],” A', '“[At -5 degrees],” A', 'altered', { found: 'At -5 degrees' }],
    ['changed case', 'US troops', '“[US troops],” A', '“[us troops],” A', 'altered', { found: 'us troops' }],
    ['two words made one', 'We can not', '“[We can not],” A', '“[We cannot],” A', 'altered', { found: 'We cannot' }],
    ['a full stop in it', 'Yes we can', '“[Yes we can],” A', '“[Yes. we can],” A', 'altered', { found: 'Yes. we can' }],
    ['first and last word', 'We won it all', 'So “[We won it all],” A', 'So “[They won it twice],” A', 'altered', { found: 'They won it twice' }],
    ['its second stretch', tide, '“[The tide came in],” said X, “[and it did not stop.]”', '“[The tide came in],” said X, “[and it did stop.]”', 'altered', { found: 'The tide came in and it did stop.' }],
    ['put into its second stretch', tide, '“[The tide came in],” said X, “[and it did not stop.]”', '“[The tide came in],” said X, “[and then and it did not stop.]”', 'altered', { found: 'The tide came in and then and it did not stop.' }],
    ['words for the attribution', tide, '“[The tide came in],” said X, “[and it did not stop.]”', '“[The tide came in slowly and it did not stop.]” said X.', 'altered', { found: 'The tide came in slowly and it did not stop.' }],
    ['changed and moved', 'We will not leave this old town', 'A a a.\n\n“[We will not leave this old town],” said Ana.\n\nB b b b b b b b b b b b b b.', 'A a a.\n\nB b b b b b b b b b b b b b.\n\n“[We will not leave this old city],” said Ana.', 'altered', { found: 'We will not leave this old city' }],
    ['deleted', 'No comment', ana, 'Lead.\n\nEnd.', 'orphaned'],
    ['all deleted', 'No comment', ana, '', 'orphaned'],
    ['replaced by something else', 'No comment', ana, 'Lead.\n\n“We never met them there,” said Ana.\n\nEnd.', 'orphaned'],
    // Moved
    ['paragraph moved down', 'No comment', 'A a.\n\n“[No comment],” said Ana.\n\nB b b b b b b b b b b.', 'A a.\n\nB b b b b b b b b b b.\n\n“[No comment],” said Ana.', 'verified'],
    ['paragraph moved up', 'No comment', 'B b b b b b b b b b b.\n\n“[No comment],” said Ana.', '“[No comment],” said Ana.\n\nB b b b b b b b b b b.', 'verified'],
    ['interrupted and moved', 'Il vient et part', 'On ne sait rien de plus ce soir dans la ville.\n\n« [Il vient], dit-elle, [et part] »', '« [Il vient], dit-elle, [et part] »\n\nOn ne sait rien de plus ce soir dans la ville.', 'verified'],
    ['moved to two places', 'No comment', 'B b b b b b b b b b b.\n\n“[No comment],” said Ana.', '“No comment,” said Ana.\n\nX.\n\n“No comment,” said Ana.\n\nB b b b b b b b b b b.', 'ambiguous'],
    ['in two places, all else anew', 'No comment', 'B.\n\n“[No comment],” said Ana.\n\nD.', 'X.\n\n“No comment,” said Ana.\n\nY.\n\n“No comment,” said Ana.\n\nZ.', 'ambiguous'],
    ['repeated below', 'No comment', ana, `${ana}\n\n“No comment,” said Ana.`, 'verified'],
    ['moved among others', 'No comment', 'B b b b b b b b b b b b b.\n\n“[No comment],” said Ana.', '“No comment,” said Ben.\n\n“[No comment],” said Ana.\n\nB b b b b b b b b b b b b.', 'verified'],
    // Lookalikes
    ['changed, said by another', 'No comment', ana, 'Lead.\n\n“[No remark],” said Ana.\n\nEnd.\n\n“No comment,” said Zed.', 'altered', { found: 'No remark' }],
    ['changed, planted after it', 'No comment', ana, 'Lead.\n\n“[No remark],” said Ana. “No comment,” said Zed.\n\nEnd.', 'altered', { found: 'No remark' }],
    ['changed, planted before it', 'No comment', ana, 'Lead.\n\n“No comment,” said Zed. “[No remark],” said Ana.\n\nEnd.', 'altered', { found: 'No remark' }],
    ['changed, planted twice', 'No comment', ana, 'Lead.\n\n“No comment,” A.\n\n“[No remark],” said Ana.\n\nEnd.\n\n“No comment,” said Zed.', 'altered', { found: 'No remark' }],
    ['changed, planted with its attribution', 'No comment', ana, 'Lead.\n\n“[No remark],” said Ana.\n\nEnd.\n\n“No comment,” said Ana.', 'altered', { found: 'No remark' }],
    ['changed, the other is old', 'No comment', both, both.replace('[No comment]', '[No remark]'), 'altered', { found: 'No remark' }],
    ['deleted, the other is old', 'No comment', both, 'Lead.\n\n“No comment,” said Ben.\n\nEnd.', 'orphaned'],
    ['the other deleted', 'No comment', both, ana, 'verified'],
    ['deleted, another planted', 'No comment', `${ana} So it was for all who lived there.`, 'Lead.\n\nEnd. So it was for all who lived there.\n\nZed said “No comment” twice.', 'orphaned'],
    ['another article with it', 'No comment', ana, 'X\n\nThen “No comment” was all she said!', 'orphaned'],
    ['planted before, unchanged', 'No comment', ana, 'Lead.\n\n“No comment,” said Zed.\n\n“[No comment],” said Ana.\n\nEnd.', 'verified'],
    ['half of it said by another', 'We can’t go on', '“[We can’t],” said Ana Brown, “[go on].” So it was.', '“We can’t,” said Zed Novak. “[Otherwise],” said Ana Brown, “[go on].” So it was.', 'altered', { found: 'Otherwise go on' }],
    ['moved, and something like it new', 'We will not leave', 'It rained all night in the old town.\n\n“[We will not leave],” said Ana.\n\nThe dam held until the morning came at last.', '“We will never leave,” said Ana.\n\nIt rained all night in the old town.\n\nThe dam held until the morning came at last.\n\n“[We will not leave],” said Ana.', 'verified'],
    ['one of two short neighbours', 'No.', 'A. No. [No.] B.', 'A. [No.] B.', 'verified'],
    ['one of two neighbours deleted', 'It is so.', 'A. It is so. [It is so.] B.', 'A. [It is so.] B.', 'verified'],
    // Altered or lost before
    ['still altered', 'No comment', ana.replace('comment', 'remark'), `X ${ana.replace('comment', 'remark')}`, 'altered', { was: 'altered', found: 'No remark' }],
    ['still altered, without marks', 'No comment', '“[No remark],” said Ana.', 'She said: [No remark] and left.', 'altered', { was: 'altered', found: 'No remark' }],
    ['altered further', 'We will not leave', '“[We will leave],” A', '“[We will never leave],” A', 'altered', { was: 'altered', found: 'We will never leave' }],
    ['mended', 'No comment', ana.replace('comment', 'remark'), ana, 'verified', { was: 'altered' }],
    ['mended with its attribution', 'No comment', '“[comment],” never asked Ana Brown.', '“[No comment],” said Ana Brown.', 'verified', { was: 'altered' }],
    ['mended at its edge', 'I did', '“[I did not],” A said.', '“[I did],” A said.', 'verified', { was: 'altered' }],
    ['not mended by another', 'No comment', '“[No remark],” said Ana.', '“[No remark],” said Ana. “No comment,” said Zed.', 'altered', { was: 'altered', found: 'No remark' }],
    ['back again', 'No comment', 'Lead.\n\nEnd.', 'Lead.\n\n“[No comment],” said Ana.\n\nEnd.', 'verified', { was: 'orphaned' }],
    ['back again, not alone', 'No comment', 'A. “No comment,” said B.', '“No comment.” A. “No comment,” said B.', 'ambiguous', { was: 'orphaned' }],
    ['not back, an old one stands', 'No comment', 'A. “No comment,” said B.', 'A a. “No comment,” said B.', 'orphaned', { was: 'orphaned' }],
    ['back, but altered', 'We do not know it', 'A.', 'A. “[We do know it],” said B.', 'altered', { was: 'orphaned', found: 'We do know it' }],
    ['still ambiguous', 'No comment', 'No comment. No comment.', 'A. No comment. No comment.', 'ambiguous', { was: 'ambiguous' }],
    ['one of two equal left', 'No comment', 'No comment. No comment.', 'No comment.', 'ambiguous', { was: 'ambiguous' }],
    ['none of two equal left', 'No comment', 'No comment. No comment.', 'The end.', 'orphaned', { was: 'ambiguous' }],
  ]
  for (const [name, text, old, now, state, more] of rows) {
    const before = marked(old)
    const after = marked(now)
    const quote = { text, spans: before.spans, state: more?.was ?? ('verified' as const) }
    const anchored = reanchorQuote(quote, before.plain, after.plain)
    const found = more?.found
    t.same(anchored, { state, spans: after.spans, ...(found && { found }) }, name)
    assertKept(text, after.plain, anchored)
  }
  t.end()
})

t.test('reanchorAll: two quotes that stood apart are never the same words', (t) => {
  const before = marked('A. [It is so.] [It is so.] B.')
  const quotes = before.spans.map((span) => ({
    text: 'It is so.',
    spans: [span],
    state: 'verified' as const,
  }))
  const states = reanchorAll(quotes, before.plain, 'A. It is so. B.').map(({ state }) => state)
  t.same(states, ['ambiguous', 'ambiguous'], 'one of two neighbours is gone')
  const [first] = quotes
  const twice = reanchorAll(first ? [first, first] : [], before.plain, `X ${before.plain}`)
  t.same(
    twice.map(({ state }) => state),
    ['verified', 'verified'],
    'one place, two records',
  )
  const orphans = quotes.map(({ text }) => ({ text, spans: [], state: 'orphaned' as const }))
  const back = reanchorAll(orphans, 'A. B.', 'A. It is so. B.').map(({ state }) => state)
  t.same(back, ['ambiguous', 'ambiguous'], 'nobody knows whose words are back')
  t.end()
})

/*
 * Random articles and random edits. An article is made of pieces, so that where each quote stands
 * is known before and after an edit without any searching.
 */

type Piece = string | { quote: number; words: string }
type Sentence = Piece[]
type Article = Sentence[][]

const QUOTES = [
  'No comment',
  'Never',
  'We can’t go on',
  'It cost 1,000 crowns, not 100',
  'The river 🌊 took the bridge',
  'I did not see the café 👩‍🚀 burn',
  'We will not leave this old town before the winter comes, and that is that.',
  'Das Wasser kam „von allen Seiten“ zugleich',
  'q̃uite so, 𝒜lice',
  'Yes. We do. We always did.',
]
const NAMES = [
  ...['Ana Brown', 'Ben Okoro', 'Chloé Weiss', 'Dmitri Vale', 'Eun-ji Park', 'Fatima Roy'],
  ...['Gus Lind', 'Hana Sato', 'Ivo Kranj', 'Jo O’Dell', 'Kofi Mensah', 'Lucía Paz'],
]
const OLD_WORDS = [
  ...['the', 'the', 'of', 'a', 'and', 'harbour', 'council', 'yesterday', 'flood', 'by', 'night'],
  ...[
    'bridge',
    'town',
    '🌊',
    'naïve',
    '2,000',
    'x̣y',
    '🇺🇦',
    'dam',
    'soft\u00ADly',
    'road',
    'no\u00A0one',
  ],
]
const NEW_WORDS = ['fresh', 'ordinary', 'seldom', '🚧', 'later', '77', 'Tuesday', 'gravel', 'anew']
const MARKS: [string, string][] = [
  ['“', '”'],
  ['"', '"'],
  ['«', '»'],
  ['„', '“'],
]

const sentenceOf = (words: string[]) => {
  return fc
    .array(fc.constantFrom(...words), { minLength: 2, maxLength: 9 })
    .map((some) => `So ${some.join(' ')}.`)
}
const narrative: fc.Arbitrary<Sentence> = sentenceOf(OLD_WORDS).map((text) => [text])

/** A sentence with quote number `quote` in it, in one of the ways in which papers print one. */
function quoted(quote: number, words: string, name: string, way: number, mark: number): Sentence {
  const [open, close] = MARKS[mark] ?? ['“', '”']
  const [head, ...rest] = words.split(' ')
  const whole = { quote, words }
  if (way === 0) return [open, whole, `,${close} said ${name}.`]
  if (way === 1) return [`${name} told us: ${open}`, whole, `${close}.`]
  if (way === 2) return [`For ${name} it was ${open}`, whole, `${close} at last.`]
  if (way === 3) return [open, whole, close]
  if (rest.length < 2 || /[,.“]$/.test(head ?? '')) return [open, whole, `,${close} ${name} said.`]
  const [second, ...tail] = rest
  const cutAt = `${head} ${second}`
  if (/[,.]$/.test(cutAt)) return [open, whole, `,${close} ${name} said.`]
  return [
    open,
    { quote, words: cutAt },
    `,${close} said ${name}, ${open}`,
    { quote, words: tail.join(' ') },
    `${close}.`,
  ]
}

type Written = { article: Article; quotes: string[] }

const NAMED = [0, 1, 2, 4]
const ANY = [0, 1, 2, 3, 4]

/** An article in which some quotes are said by several people, in the same words; `ways` to print
 * those that are said once. Nobody can tell whose words they are where the same ones stand twice
 * with no name. */
function articleOf(ways: number[]): fc.Arbitrary<Written> {
  const said = fc.record({
    words: fc.constantFrom(...QUOTES),
    way: fc.constantFrom(...ways),
    named: fc.constantFrom(...NAMED),
    mark: fc.nat(MARKS.length - 1),
    paragraph: fc.nat(),
    place: fc.nat(),
  })
  const paragraph = fc.array(narrative, { minLength: 1, maxLength: 4 })
  return fc
    .record({
      paragraphs: fc.array(paragraph, { minLength: 3, maxLength: 8 }),
      said: fc.array(said, { minLength: 1, maxLength: 6 }),
    })
    .map(({ paragraphs, said }) => {
      const article = paragraphs.map((sentences) => [...sentences])
      said.forEach(({ words, way, named, mark, paragraph, place }, quote) => {
        const sentences = article[paragraph % article.length] ?? []
        const isRepeated = said.filter((other) => other.words === words).length > 1
        const chosen = isRepeated ? named : way
        const sentence = quoted(quote, words, NAMES[quote] ?? '', chosen, mark)
        sentences.splice(place % (sentences.length + 1), 0, sentence)
      })
      return { article, quotes: said.map(({ words }) => words) }
    })
}

function render(article: Article, count: number): { plain: string; spans: Span[][] } {
  const spans: Span[][] = Array.from({ length: count }, () => [])
  let plain = ''
  let size = 0
  const add = (text: string) => {
    plain += text
    size += [...text].length
  }
  article.forEach((sentences, i) => {
    if (i > 0) add('\n\n')
    sentences.forEach((sentence, j) => {
      if (j > 0) add(' ')
      for (const piece of sentence) {
        if (typeof piece === 'string') add(piece)
        else {
          const start = size
          add(piece.words)
          spans[piece.quote]?.push({ start, end: size })
        }
      }
    })
  })
  return { plain, spans }
}

const isQuote = (sentence: Sentence) => sentence.some((piece) => typeof piece !== 'string')

type Change = { kind: number; at: number; with: string; times: number }
const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.nat(6),
  at: fc.nat(10_000),
  with: sentenceOf(NEW_WORDS),
  times: fc.integer({ min: 1, max: 3 }),
})

/** One edit outside all quotes and their quotation marks. */
function editOutside(article: Article, { kind, at, with: text, times }: Change): Article {
  const made = article.map((sentences) => [...sentences])
  const i = at % made.length
  const sentences = made[i] ?? []
  const j = at % (sentences.length + 1)
  const chosen = sentences[j % sentences.length] ?? []
  if (kind === 0) sentences.splice(j, 0, ...Array.from({ length: times }, () => [text]))
  else if (kind === 1) made.splice(i, 0, [[text]])
  else if (kind === 2 && !isQuote(chosen) && sentences.length > 1) {
    sentences.splice(j % sentences.length, 1)
  } else if (kind === 3 && made.length > 1 && !sentences.some(isQuote)) made.splice(i, 1)
  else if (kind === 4) {
    // Another verb, another name, another word: in the middle of what stands around the quotes.
    sentences[j % sentences.length] = chosen.map((piece) => {
      return typeof piece === 'string'
        ? piece.replace(/ (said|told|was|the|a) /, ' never asked ')
        : piece
    })
  } else if (kind === 5 && i > 0) {
    made.splice(i - 1, 2, [...(made[i - 1] ?? []), ...sentences])
  } else if (kind === 6 && sentences.length > 1) {
    const half = Math.max(1, j % sentences.length)
    made.splice(i, 1, sentences.slice(0, half), sentences.slice(half))
  }
  return made
}

/** The quotes as they stand in an article, verified. */
function tied(quotes: string[], spans: Span[][]) {
  return quotes.map((text, i) => ({ text, spans: spans[i] ?? [], state: 'verified' as QuoteState }))
}

function assertAt(anchored: Anchored | undefined, spans: Span[] | undefined, what: string) {
  const expected = JSON.stringify({ state: 'verified', spans })
  const actual = JSON.stringify({ state: anchored?.state, spans: anchored?.spans })
  if (actual !== expected) throw new Error(`${what}: ${actual} is not ${expected}`)
}

t.test('given spans of a printed quote have no fault, and verify it', (t) => {
  fc.assert(
    fc.property(articleOf(ANY), ({ article, quotes }) => {
      const { plain, spans } = render(article, quotes.length)
      quotes.forEach((text, i) => {
        const given = spans[i] ?? []
        if (spanFaults(given, plain).length > 0) throw new Error(spanFaults(given, plain).join())
        assertAt(anchorQuote({ text, spans: given }, plain), given, text)
        const anchored = anchorQuote({ text }, plain)
        assertKept(text, plain, anchored)
        const alone = quotes.filter((other) => other === text).length === 1
        if (alone) assertAt(anchored, given, text)
        else if (anchored.state === 'orphaned') throw new Error(`${text} is not found`)
      })
    }),
    { numRuns: runs(300) },
  )
  t.end()
})

t.test('an edit outside all quotes leaves each verified, in its own place', (t) => {
  fc.assert(
    fc.property(
      articleOf(ANY),
      fc.array(change, { minLength: 1, maxLength: 5 }),
      ({ article, quotes }, changes) => {
        const before = render(article, quotes.length)
        const after = render(changes.reduce(editOutside, article), quotes.length)
        const anchored = reanchorAll(tied(quotes, before.spans), before.plain, after.plain)
        quotes.forEach((text, i) => {
          assertAt(anchored[i], after.spans[i], text)
        })
      },
    ),
    { numRuns: runs(1000) },
  )
  t.end()
})

const CHANGES = ['replace', 'drop', 'not before', 'not after', 'case', 'digit'] as const

/** One word of the stretch changed, dropped or added. */
function misquote(words: string, how: (typeof CHANGES)[number], at: number): string {
  const parts = words.split(' ')
  const i = at % parts.length
  const part = parts[i] ?? ''
  const letters = /\p{L}[\p{L}\p{M}]*/u
  if (how === 'drop' && parts.length > 1) parts.splice(i, 1)
  else if (how === 'not before') parts.splice(i, 0, 'not')
  else if (how === 'not after') parts.splice(i + 1, 0, 'not')
  else if (how === 'digit' && /\d/.test(words)) return words.replace(/\d/, (digit) => `${digit}7`)
  else if (how === 'case' && letters.test(part)) {
    const other = part === part.toUpperCase() ? part.toLowerCase() : part.toUpperCase()
    parts[i] = other === part ? 'otherwise' : other
  } else parts[i] = letters.test(part) ? part.replace(letters, 'otherwise') : 'otherwise'
  return parts.join(' ')
}

function mapQuote(
  article: Article,
  quote: number,
  edit: (words: string, stretch: number) => string,
) {
  let stretch = 0
  return article.map((sentences) => {
    return sentences.map((sentence) => {
      return sentence.map((piece) => {
        if (typeof piece === 'string' || piece.quote !== quote) return piece
        return { quote, words: edit(piece.words, stretch++) }
      })
    })
  })
}

type Misquotation = { quote: number; how: (typeof CHANGES)[number]; at: number; outside: Change[] }
const misquotation: fc.Arbitrary<Misquotation> = fc.record({
  quote: fc.nat(),
  how: fc.constantFrom(...CHANGES),
  at: fc.nat(20),
  outside: fc.array(change, { maxLength: 3 }),
})

/** The article with one quote changed, and something outside quotes; which quote it is. */
function misquoted({ article, quotes }: Written, { quote, how, at, outside }: Misquotation) {
  const wrong = quote % quotes.length
  const stretches = article.flat(2).filter((p) => typeof p !== 'string' && p.quote === wrong).length
  const changed = mapQuote(article, wrong, (words, i) =>
    i === at % stretches ? misquote(words, how, at) : words,
  )
  return { wrong, article: outside.reduce(editOutside, changed) }
}

t.test('an edit inside a quote never leaves it verified, and all others are', (t) => {
  fc.assert(
    fc.property(articleOf(ANY), misquotation, (written, mistake) => {
      const { quotes } = written
      const before = render(written.article, quotes.length)
      const { wrong, article } = misquoted(written, mistake)
      const after = render(article, quotes.length)
      const anchored = reanchorAll(tied(quotes, before.spans), before.plain, after.plain)
      quotes.forEach((text, i) => {
        if (i !== wrong) {
          assertAt(anchored[i], after.spans[i], text)
          return
        }
        const now = anchored[i] ?? { state: 'verified', spans: [] }
        assertKept(text, after.plain, now)
        if (now.state === 'verified') throw new Error(`${text} is verified`)
        if (text.split(' ').length > 3 && now.state !== 'altered') throw new Error(now.state)
      })
      // And mended again, each is where it was.
      const states = tied(quotes, before.spans).map((quote, i) => ({
        ...quote,
        ...anchored[i],
        text: quote.text,
      }))
      const mended = reanchorAll(states, after.plain, before.plain)
      quotes.forEach((text, i) => {
        if (i !== wrong || anchored[i]?.state === 'altered')
          assertAt(mended[i], before.spans[i], text)
      })
    }),
    { numRuns: runs(1000) },
  )
  t.end()
})

type Lookalike = { way: number; mark: number; paragraph: number; place: number; alone: boolean }
const plants: fc.Arbitrary<Lookalike[]> = fc.array(
  fc.record({
    way: fc.constantFrom(0, 1, 2, 4),
    mark: fc.nat(MARKS.length - 1),
    paragraph: fc.nat(),
    place: fc.nat(),
    alone: fc.boolean(),
  }),
  { minLength: 1, maxLength: 3 },
)

/** The same words in the mouth of others, in sentences or paragraphs of their own. */
function plant(article: Article, words: string, lookalikes: Lookalike[]): Article {
  const made = article.map((sentences) => [...sentences])
  lookalikes.forEach(({ way, mark, paragraph, place, alone }, i) => {
    const said = quoted(0, words, ['Zed Novak', 'Yves Marchand', 'Xenia Thorn'][i] ?? '', way, mark)
    const sentence = said.map((piece) => (typeof piece === 'string' ? piece : piece.words))
    if (alone) made.splice(paragraph % (made.length + 1), 0, [sentence])
    else {
      const sentences = made[paragraph % made.length] ?? []
      sentences.splice(place % (sentences.length + 1), 0, sentence)
    }
  })
  return made
}

t.test('a planted lookalike is never taken', (t) => {
  fc.assert(
    fc.property(
      articleOf(NAMED),
      misquotation,
      plants,
      fc.boolean(),
      (written, mistake, lookalikes, changes) => {
        const { quotes } = written
        const before = render(written.article, quotes.length)
        const edited = changes
          ? misquoted(written, mistake)
          : { wrong: -1, article: written.article }
        const target = mistake.quote % quotes.length
        const after = render(plant(edited.article, quotes[target] ?? '', lookalikes), quotes.length)
        const anchored = reanchorAll(tied(quotes, before.spans), before.plain, after.plain)
        quotes.forEach((text, i) => {
          // With lookalikes and other attributions at once it may be lost, but not be elsewhere.
          const isSure = !changes || mistake.outside.length === 0
          if (i !== edited.wrong) {
            if (isSure || anchored[i]?.state === 'verified') {
              assertAt(anchored[i], after.spans[i], text)
            }
          } else if (anchored[i]?.state === 'verified') throw new Error(`${text} is verified`)
        })
      },
    ),
    { numRuns: runs(1000) },
  )
  t.end()
})

t.test('a quote that is deleted is not found in the same words of others', (t) => {
  fc.assert(
    fc.property(
      articleOf(ANY),
      fc.nat(),
      fc.array(change, { maxLength: 3 }),
      ({ article, quotes }, chosen, outside) => {
        const before = render(article, quotes.length)
        const deleted = chosen % quotes.length
        const without = article
          .map((sentences) => {
            return sentences.filter((s) =>
              s.every((p) => typeof p === 'string' || p.quote !== deleted),
            )
          })
          .filter((sentences) => sentences.length > 0)
        if (without.length === 0) return
        const after = render(outside.reduce(editOutside, without), quotes.length)
        const anchored = reanchorAll(tied(quotes, before.spans), before.plain, after.plain)
        quotes.forEach((text, i) => {
          if (i !== deleted) assertAt(anchored[i], after.spans[i], text)
          else if (anchored[i]?.state === 'verified') throw new Error(`${text} is verified`)
        })
      },
    ),
    { numRuns: runs(500) },
  )
  t.end()
})

t.test('other marks, spaces and soft hyphens all over the text change nothing', (t) => {
  fc.assert(
    fc.property(articleOf(ANY), fc.infiniteStream(fc.nat(5)), ({ article, quotes }, dice) => {
      const { plain, spans } = render(article, quotes.length)
      const restyle = (char: string) => {
        const die = dice.next().value ?? 0
        if (/[“”„"«»]/.test(char)) return ['“', '”', '"', '«', '„', '»'][die] ?? char
        if (/[’']/.test(char)) return ['’', "'", '‘', 'ʼ', '´', '’'][die] ?? char
        if (char === ' ') return [' ', '\u00A0', '\u2009', '  ', '\n', ' '][die] ?? char
        return die === 0 ? `${char}\u00AD` : char
      }
      const after = [...plain].map(restyle).join('').normalize('NFD')
      const anchored = reanchorAll(tied(quotes, spans), plain, after)
      quotes.forEach((text, i) => {
        const now = anchored[i] ?? { state: 'orphaned', spans: [] }
        assertKept(text, after, now)
        if (now.state !== 'verified') throw new Error(`${text} is ${now.state}: ${now.found}`)
      })
    }),
    { numRuns: runs(300) },
  )
  t.end()
})

t.test('paragraphs in another order keep their quotes', (t) => {
  fc.assert(
    fc.property(articleOf(NAMED), fc.nat(), fc.nat(), ({ article, quotes }, from, to) => {
      const before = render(article, quotes.length)
      const moved = [...article]
      const [taken] = moved.splice(from % moved.length, 1)
      if (taken) moved.splice(to % (moved.length + 1), 0, taken)
      const after = render(moved, quotes.length)
      const anchored = reanchorAll(tied(quotes, before.spans), before.plain, after.plain)
      quotes.forEach((text, i) => {
        assertAt(anchored[i], after.spans[i], text)
      })
    }),
    { numRuns: runs(500) },
  )
  t.end()
})

t.test('whatever the edit, what is verified is what the spans cut out', (t) => {
  const splice = fc.record({
    at: fc.nat(2000),
    size: fc.nat(40),
    text: fc.oneof(anyText, fc.constantFrom(...QUOTES)),
  })
  fc.assert(
    fc.property(
      articleOf(ANY),
      fc.array(splice, { minLength: 1, maxLength: 6 }),
      ({ article, quotes }, splices) => {
        let { plain, spans } = render(article, quotes.length)
        let states = tied(quotes, spans)
        // One after the other, from the state that the last one left.
        for (const { at, size, text } of splices) {
          const points = [...plain]
          points.splice(at % (points.length + 1), size, text)
          const after = points.join('').normalize('NFC')
          const anchored = reanchorAll(states, plain, after)
          anchored.forEach((now, i) => {
            assertKept(quotes[i] ?? '', after, now)
          })
          quotes.forEach((quote) => {
            assertKept(quote, after, anchorQuote({ text: quote }, after))
          })
          states = states.map(({ text }, i) => ({
            text,
            ...(anchored[i] ?? { state: 'orphaned', spans: [] }),
          }))
          plain = after
        }
      },
    ),
    { numRuns: runs(500) },
  )
  t.end()
})
