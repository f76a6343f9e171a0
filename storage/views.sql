-- The published views: current transcriptions only. Rows and columns count from 0; a polygon is four
-- corners, {{x,y},{x,y},{x,y},{x,y}}, in page pixels. What costs a look-up is a subselect, which the
-- planner drops where nobody asks for it.

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
    run.name as run
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
    array[
        line.polygon[1:2], line.polygon[3:4], line.polygon[5:6], line.polygon[7:8]
    ] as polygon,
    run.name as run
from mill.line
join mill.transcription on transcription.id = line.transcription_id
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
