-- The published views: current transcriptions only. Rows and columns count from 0; a polygon is four
-- corners, {{x,y},{x,y},{x,y},{x,y}}, in page pixels. What costs a look-up is a subselect, which the
-- planner drops where nobody asks for it. Where somebody `corrected` a text, or what that makes of the
-- table changed it, `read` is what the machine had.

create view public.pages as
select
    collection.name as collection,
    page.name as page,
    page.id as page_id,
    (
        select document.source
        from mill.document_page
        join mill.document on document.id = document_page.document_id
        where document_page.page_id = page.id
        order by document.id limit 1
    ) as document,
    transcription.width,
    transcription.height,
    transcription.angle,
    transcription.confidence,
    (select count(*) from mill.line where transcription_id = transcription.id) as lines,
    (select count(*) from mill."table" where transcription_id = transcription.id) as tables,
    page.image_sha256 as image,
    transcription.created_at as transcribed_at,
    run.name as run,
    (
        select document.address
        from mill.document_page
        join mill.document on document.id = document_page.document_id
        where document_page.page_id = page.id
        order by document.id limit 1
    ) as address,
    (
        select document.sha256
        from mill.document_page
        join mill.document on document.id = document_page.document_id
        where document_page.page_id = page.id
        order by document.id limit 1
    ) as checksum,
    (
        select coalesce(document.fetched_at, document.created_at)
        from mill.document_page
        join mill.document on document.id = document_page.document_id
        where document_page.page_id = page.id
        order by document.id limit 1
    ) as fetched_at,
    (
        select document.station
        from mill.document_page
        join mill.document on document.id = document_page.document_id
        where document_page.page_id = page.id
        order by document.id limit 1
    ) as station,
    (
        select document.date
        from mill.document_page
        join mill.document on document.id = document_page.document_id
        where document_page.page_id = page.id
        order by document.id limit 1
    ) as date,
    (
        select document.title
        from mill.document_page
        join mill.document on document.id = document_page.document_id
        where document_page.page_id = page.id
        order by document.id limit 1
    ) as title,
    (
        select document.rights
        from mill.document_page
        join mill.document on document.id = document_page.document_id
        where document_page.page_id = page.id
        order by document.id limit 1
    ) as rights,
    (
        select document.told
        from mill.document_page
        join mill.document on document.id = document_page.document_id
        where document_page.page_id = page.id
        order by document.id limit 1
    ) as told
from mill.transcription
join mill.page on page.id = transcription.page_id and page.current_run_id = transcription.run_id
join mill.collection on collection.id = page.collection_id
join mill.run on run.id = transcription.run_id;

create view public.lines as
select
    collection.name as collection,
    page.name as page,
    page.id as page_id,
    (
        select document.source
        from mill.document_page
        join mill.document on document.id = document_page.document_id
        where document_page.page_id = page.id
        order by document.id limit 1
    ) as document,
    line.number as line_number,
    line.text,
    line.status,
    line.confidence,
    exists (
        select from mill.line_as_read as was
        where was.transcription_id = line.transcription_id and was.number = line.number
    ) as corrected,
    coalesce(
        (
            select was.text from mill.line_as_read as was
            where was.transcription_id = line.transcription_id and was.number = line.number
        ),
        line.text
    ) as read,
    array[
        line.polygon[1:2], line.polygon[3:4], line.polygon[5:6], line.polygon[7:8]
    ] as polygon,
    run.name as run,
    line.raw,
    line.joined,
    line.bcp47 as language,
    line.script,
    line.tagged,
    case when transcription.regions is not null then line.region end as region_number
from mill.line
join mill.transcription on transcription.id = line.transcription_id
join mill.page on page.id = transcription.page_id and page.current_run_id = transcription.run_id
join mill.collection on collection.id = page.collection_id
join mill.run on run.id = transcription.run_id;

create view public.regions as
select
    collection.name as collection,
    page.name as page,
    page.id as page_id,
    region.number - 1 as region_number,
    region.said ->> 'kind' as kind,
    array(
        select array[(corner ->> 0)::real, (corner ->> 1)::real]
        from jsonb_array_elements(region.said -> 'polygon') as corner
    ) as polygon,
    run.name as run,
    (region.said ->> 'table')::integer as table_number,
    coalesce((region.said ->> 'ignored')::integer, 0) as ignored
from mill.transcription
cross join lateral jsonb_array_elements(transcription.regions)
    with ordinality as region (said, number)
join mill.page on page.id = transcription.page_id and page.current_run_id = transcription.run_id
join mill.collection on collection.id = page.collection_id
join mill.run on run.id = transcription.run_id;

create view public.cells as
select
    collection.name as collection,
    page.name as page,
    page.id as page_id,
    (
        select document.source
        from mill.document_page
        join mill.document on document.id = document_page.document_id
        where document_page.page_id = page.id
        order by document.id limit 1
    ) as document,
    cell."table" as table_number,
    cell."row" as row_number,
    cell."column" as column_number,
    cell.row_span,
    cell.column_span,
    (
        select string_agg(head.text, ' ' order by head."row")
        from mill."table" as grid
        join mill.cell as head
            on head.transcription_id = grid.transcription_id
            and head."table" = grid.number
            and head."row" < least(grid.header_rows, cell."row")
            and head."column" <= cell."column"
            and head."column" + head.column_span > cell."column"
        where grid.transcription_id = cell.transcription_id
            and grid.number = cell."table"
            and head.text <> ''
    ) as header,
    (
        select first.text from mill.cell as first
        where first.transcription_id = cell.transcription_id
            and first."table" = cell."table"
            and first."column" = 0
            and first."row" <= cell."row"
            and first."row" + first.row_span > cell."row"
        order by first."row" desc limit 1
    ) as row_label,
    (
        select cell."row" < grid.header_rows from mill."table" as grid
        where grid.transcription_id = cell.transcription_id and grid.number = cell."table"
    ) as is_header,
    cell.text,
    cell.raw,
    cell.value,
    cell.unit,
    cell.status,
    cell.confidence,
    exists (
        select from mill.cell_as_read as was
        where was.transcription_id = cell.transcription_id
            and was."table" = cell."table"
            and was."row" = cell."row"
            and was."column" = cell."column"
            and was.correction_id is not null
    ) as corrected,
    coalesce(
        (
            select was.text from mill.cell_as_read as was
            where was.transcription_id = cell.transcription_id
                and was."table" = cell."table"
                and was."row" = cell."row"
                and was."column" = cell."column"
        ),
        cell.text
    ) as read,
    array[
        cell.polygon[1:2], cell.polygon[3:4], cell.polygon[5:6], cell.polygon[7:8]
    ] as polygon,
    cell.checks,
    run.name as run
from mill.cell
join mill.transcription on transcription.id = cell.transcription_id
join mill.page on page.id = transcription.page_id and page.current_run_id = transcription.run_id
join mill.collection on collection.id = page.collection_id
join mill.run on run.id = transcription.run_id;

-- What each cell of a known row and column observed. `date` is the local one; a `utc` that is null
-- is of a value without an hour, or of a station nobody described. A row's days are never counted
-- beyond the month that its column stands for.
create view mill.observation as
select
    observed.transcription_id,
    transcription.run_id,
    page.id as page_id,
    page.name as page,
    page.collection_id,
    station.code as station,
    station.latitude,
    station.longitude,
    station.altitude,
    observed.variables[place.c] as variable,
    observed.statistics[place.c] as statistic,
    case
        when observed.statistics[place.c] = 'point' then '0'
        when observed.statistics[place.c] = 'mean' or clock.minutes is null then 'day'
        else 'p1day'
    end as period,
    case
        when station.zone is not null
            then (moment.local at time zone station.zone) at time zone 'UTC'
        else moment.local - station.utc_offset
    end as utc,
    clock.day as date,
    make_interval(mins => clock.minutes) as local_time,
    cell.value,
    observed.units[place.c] as unit,
    cell.text as as_written,
    cell.raw,
    array(
        select case when said like 'qc:%' then substr(said, 4) else said end
        from unnest(cell.checks) as said
        where said like 'qc:%' or said like '%:fail'
    ) as flags,
    cell.status,
    cell.confidence,
    cell."table" as table_number,
    cell."row" as row_number,
    cell."column" as column_number,
    array[
        cell.polygon[1:2], cell.polygon[3:4], cell.polygon[5:6], cell.polygon[7:8]
    ] as polygon
from mill.observed
join mill.transcription on transcription.id = observed.transcription_id
join mill.page on page.id = transcription.page_id
left join mill.station on station.collection_id = page.collection_id
join mill.cell
    on cell.transcription_id = observed.transcription_id
    and cell."table" = observed."table"
    and cell."column" between observed.first_column and observed.last_column
cross join lateral (
    select cell."row" + 1 as r, cell."column" - observed.first_column + 1 as c
) as place
cross join lateral (
    select
        coalesce(observed.row_dates[place.r], observed.column_dates[place.c]) as base,
        coalesce(observed.column_days[place.c], observed.row_days[place.r], 0) as days
) as counted
cross join lateral (
    select
        counted.base + counted.days as day,
        coalesce(observed.column_minutes[place.c], observed.row_minutes[place.r]) as minutes
) as clock
cross join lateral (
    select clock.day + make_interval(mins => clock.minutes) as local
) as moment
where observed.variables[place.c] is not null
    and cell.text <> ''
    and (observed.row_dates[place.r] is not null or observed.row_days[place.r] is not null)
    and clock.day < date_trunc('month', counted.base) + interval '1 month';

create view public.observations as
select
    collection.name as collection,
    observation.page,
    observation.page_id,
    observation.station,
    observation.latitude,
    observation.longitude,
    observation.altitude,
    observation.variable,
    observation.statistic,
    observation.period,
    observation.utc,
    observation.date,
    observation.local_time,
    observation.value,
    observation.unit,
    observation.as_written,
    observation.raw,
    observation.flags,
    observation.status,
    observation.confidence,
    observation.table_number,
    observation.row_number,
    observation.column_number,
    observation.polygon,
    run.name as run
from mill.observation
join mill.page on page.id = observation.page_id and page.current_run_id = observation.run_id
join mill.collection on collection.id = page.collection_id
join mill.run on run.id = observation.run_id;
