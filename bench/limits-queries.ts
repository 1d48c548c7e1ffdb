/*
 * The second limit's statements, by hand: one for each workload, prepared, over the tables without
 * the views, JSON made by PostgreSQL: for W2 that takes Node 0.14 ms of processor time a call, rows with
 * their dates parsed 0.45.
 */

const visibleAs = (alias: string) => `${alias}.status = 'published' and ${alias}.publish_at <= now()
  and (${alias}.embargo_until is null or ${alias}.embargo_until <= now())
  and (${alias}.expires_at is null or ${alias}.expires_at > now())`
const visible = visibleAs('a')

/** The members of an article in a list. `$1` is the address of articles. */
const card = `a.id, a.version, a.slug, $1 || a.slug as url, a.headline, a.summary, a.byline,
  a.language, a.lead_image as "leadImage",
  case when a.origin_id is not null then
    json_build_object('system', a.origin_system, 'id', a.origin_id, 'url', a.origin_url) end as origin,
  a.published_at as "publishedAt",
  greatest(a.updated_at, a.publish_at, a.embargo_until) as "updatedAt"`

const reference = (alias: string) =>
  `case when ${alias}.id is not null then
     json_build_object('id', ${alias}.id, 'slug', ${alias}.slug, 'name', ${alias}.name) end`

const categories = `(select coalesce(json_agg(x), '[]') from (
  select c.id, c.version, c.slug, c.name, c.description, c.position, ${reference('p')} as parent,
    c.created_at as "createdAt", c.updated_at as "updatedAt"
  from article_categories ac join categories c on c.id = ac.category_id
    left join categories p on p.id = c.parent_id
  where ac.article_id = a.id order by ac.position) x)`

const sources = `(select coalesce(json_agg(x), '[]') from (
  select s.id, s.version, s.slug, s.kind, s.name, s.title, s.url, s.description,
    s.same_as as "sameAs", ${reference('o')} as organization,
    s.created_at as "createdAt", s.updated_at as "updatedAt", x.role, x.note
  from article_sources x join sources s on s.id = x.source_id
    left join sources o on o.id = s.organization_id and (
      exists (select from article_sources y join articles v on v.id = y.article_id
        where y.source_id = o.id and ${visibleAs('v')})
      or exists (select from quotes y join articles v on v.id = y.article_id
        where y.speaker_id = o.id and y.state is distinct from 'suggested' and ${visibleAs('v')}))
  where x.article_id = a.id order by x.position) x)`

const quote = `q.id, q.version,
  json_build_object('id', a.id, 'slug', a.slug, 'headline', a.headline) as article,
  q.kind, q.text, q.language,
  case when q.original_text is not null then
    json_build_object('text', q.original_text, 'language', q.original_language) end as original,
  ${reference('s')} as speaker, q.cue, q.said_at as "saidAt", q.occasion, q.state, q.spans,
  (select coalesce(json_agg(c order by c.at, c.id), '[]') from corrections c
   where c.quote_id = q.id) as corrections,
  q.created_at as "createdAt", q.updated_at as "updatedAt"`

const quotes = `(select coalesce(json_agg(x), '[]') from (
  select ${quote} from quotes q left join sources s on s.id = q.speaker_id
  where q.article_id = a.id and q.state is distinct from 'suggested' order by q.position) x)`

const newest = 'order by a.listed_at desc, a.id desc limit 20'
const page = (rows: string) => `select json_agg(x)::text as json from (${rows}) x`

/** One statement for each workload; the answer is in its column `json`. */
export const QUERIES = {
  W1: `select row_to_json(x)::text as json from (
    select ${card}, json_build_object('html', a.body_html) as body,
      ${categories} as categories, ${sources} as sources, ${quotes} as quotes
    from articles a where a.slug = $2 and ${visible}) x`,

  W2: page(`select ${card} from articles a where ${visible} ${newest}`),

  // Walks the index of dates until twenty are found. At 20,000 articles and 80 categories of unlike
  // size a median of 4.0 ms; collecting ids and sorting them took 6.6, and 25 against 11 at the 95th
  // percentile.
  W3: page(`
    with recursive below (id) as (
      select id from categories where slug = $2
      union all select c.id from categories c join below b on c.parent_id = b.id
    )
    select ${card} from articles a
    where ${visible} and exists (select from article_categories ac
        where ac.article_id = a.id and ac.category_id = any(array(select id from below)))
    ${newest}`),

  W4: page(`
    with found as (
      select a.id from articles a
      where a.search @@ websearch_to_tsquery('english', $2) and ${visible} ${newest}
    )
    select ${card} from articles a join found using (id) order by a.listed_at desc, a.id desc`),

  W5: page(`select ${card} from articles a
    where ${visible} and (a.listed_at, a.id) < ($2::timestamptz, $3::uuid) ${newest}`),

  W6: page(`
    select ${quote} from quotes q
      join articles a on a.id = q.article_id
      join sources s on s.id = q.speaker_id
    where q.speaker_id = (select id from sources where slug = $1)
      and q.state is distinct from 'suggested' and ${visible}
    order by q.dated_at desc, q.id desc limit 20`),

  W7: `with a as (
      insert into articles (id, slug, headline, summary, byline, language, body, body_html,
        plain_text, created_at, updated_at)
      values ($2, $3, $4, $5, $6, 'en', $7, $8, $9, now(), now()) returning *
    ), named as (
      insert into slugs (kind, slug, resource_id) select 'article', slug, id from a
    ), filed as (
      insert into article_categories (article_id, category_id, position)
      select a.id, c.id, n.position - 1
      from a, unnest($10::text[]) with ordinality n (slug, position) join categories c using (slug)
    )
    select row_to_json(x)::text as json from (
      select ${card}, json_build_object('html', a.body_html) as body from a) x`,
} as const
