import t from 'tap'
import { newsroom } from './newsroom.ts'

/*
 * What PostgreSQL reports and what its caller is told: a trigger reports whatever an article's headline says.
 */

const { editor, reader, sql } = await newsroom(t)

await sql('create sequence tries')
await sql(`
  create function planted() returns trigger language plpgsql security definer as $$
  declare given text[] := regexp_match(new.headline, '^(\\w{5}) ?(\\w*) (\\d+)$');
  begin
    -- What a sequence gave is not taken back with its transaction.
    if given is not null and nextval('tries') <= given[3]::int then
      raise exception 'a secret of the draft' using errcode = given[1], detail = 'Key (x_id)=(secret)',
        table = 'articles', constraint = coalesce(nullif(given[2], ''), 'articles_lead_image_check');
    end if;
    return new;
  end $$`)
await sql(
  'create trigger planted before insert on articles for each row execute function planted()',
)

const post = async (headline: string) => {
  await sql("select setval('tries', 1, false)")
  return editor('POST', '/v1/articles', { headline })
}
const tries = async () => Number((await sql("select nextval('tries') - 1 as n"))[0]?.n)

/** SQLSTATE and constraint, how it is answered, and how often it was tried. */
const TOLD = [
  ['23505', '', 409, 'conflict', 1],
  ['23505', 'articles_slug_key', 409, 'slug_taken', 1],
  ['23503', 'articles_category_id_fkey', 422, 'unknown_reference', 1],
  ['23514', 'articles_headline_check', 422, 'rule_broken', 1],
  ['23502', '', 422, 'rule_broken', 1],
  ['54000', '', 422, 'rule_broken', 1],
  ['22P02', '', 400, 'invalid_request', 1],
  ['22003', '', 400, 'invalid_request', 1],
  ['40001', '', 503, 'unavailable', 3],
  ['40P01', '', 503, 'unavailable', 3],
  ['25006', '', 503, 'unavailable', 1],
  ['53300', '', 503, 'unavailable', 1],
  ['53200', '', 503, 'unavailable', 1],
  ['55P03', '', 503, 'unavailable', 1],
  ['57014', '', 503, 'unavailable', 1],
  ['57P01', '', 503, 'unavailable', 3],
  ['08006', '', 503, 'unavailable', 3],
  ['53100', '', 507, 'storage_full', 1],
  ['42P01', '', 500, 'internal', 1],
  ['XX000', '', 500, 'internal', 1],
] as const

t.test('each state has one answer', async (t) => {
  for (const [state, constraint, status, code, tried] of TOLD) {
    const name = `${state} ${constraint}`
    const reply = await post(`${name} 99`)
    t.match(reply, { status, json: { code } }, name)
    t.equal(await tries(), tried, `${name}: tried ${tried} times`)
    t.notMatch(reply.text, /secret|planted|SQLSTATE|insert/, name)
    const wait = { 503: '1', 507: '10' }[status as number]
    t.equal(reply.headers['retry-after'], wait, `${name}: when to try again`)
  }
  t.same(await sql('select from articles'), [], 'nothing of any of them was written')
})

t.test('what passes when it is tried again is written once', async (t) => {
  for (const state of ['40001', '40P01', '57P01']) {
    const reply = await post(`${state}  2`)
    t.equal(reply.status, 201, state)
    t.equal((await sql('select from articles where id = $1', [reply.json.id])).length, 1)
  }
})

t.test('what is lost at its COMMIT may hold, and is said to', async (t) => {
  await sql(`
    create function ended() returns trigger language plpgsql security definer as $$
    begin
      perform pg_terminate_backend(pg_backend_pid());
      return null;
    end $$`)
  await sql(`create constraint trigger ended after insert on articles
    deferrable initially deferred for each row when (new.headline = 'unsure') execute function ended()`)
  const reply = await editor('POST', '/v1/articles', { headline: 'unsure' })
  t.match(reply, {
    status: 503,
    headers: { 'retry-after': '1' },
    json: { code: 'outcome_unknown' },
  })
  t.equal((await editor('POST', '/v1/articles', { headline: 'sure' })).status, 201)
  t.equal((await reader('GET', '/v1/articles')).status, 200)
})
